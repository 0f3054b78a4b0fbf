"""Transactions that see one tenant's rows: what a request works in."""

from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session

from domain.access import TenantAccess

ROLE = "changeover_tenant"
"""Whom such a transaction is, on PostgreSQL: its rows are those that migration 0008's policies let it see."""
_BECOME = text(
    "SELECT set_config('role', :role, true), set_config('changeover.tenant', :tenant, true),"
    " set_config('changeover.channel', :channel, true)"
)


class TenantSession(Session):
    """A transaction that knows whose orders it is for. What a client names is looked up in one of these only."""

    def __init__(self, engine: Engine, reach: TenantAccess, **options: Any) -> None:
        super().__init__(engine, **options)
        self.reach = reach


@event.listens_for(TenantSession, "after_begin")
def _begun(tx: TenantSession, _transaction: SessionTransaction, connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        whose = {"tenant": tx.reach.tenant, "channel": tx.reach.channel or ""}
        connection.execute(_BECOME, {"role": ROLE} | whose)
