"""Tenant sessions: transactions that see one tenant's rows only. API requests use these."""

from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session

from domain.access import TenantAccess

ROLE = "changeover_tenant"
"""The PostgreSQL role of a tenant session. Row-level security policies of the first migration limit its rows."""
_SET_ROLE = text(
    "SELECT set_config('role', :role, true), set_config('changeover.tenant', :tenant, true),"
    " set_config('changeover.channel', :channel, true)"
)


class TenantSession(Session):
    """A transaction limited to one access. Anything that a client names is looked up in a tenant session only."""

    def __init__(self, engine: Engine, access: TenantAccess, **options: Any) -> None:
        super().__init__(engine, **options)
        self.access = access


@event.listens_for(TenantSession, "after_begin")
def _set_tenant(tx: TenantSession, _transaction: SessionTransaction, connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        settings = {"tenant": tx.access.tenant, "channel": tx.access.channel or ""}
        connection.execute(_SET_ROLE, {"role": ROLE} | settings)
