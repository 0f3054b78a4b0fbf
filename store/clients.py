"""API clients and their keys. A client has at most two active keys, so a key can be rotated without downtime."""

import json
from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import String, bindparam
from sqlmodel import Session, col, select

from domain.access import WHOLE_TENANT, Caller, Scope, TenantAccess, scopes_in
from store.database.inserts import insert_if_absent, table_of
from store.tables import ApiKeyRow, ClientRow

MAX_KEYS = 2
LAST_USE_PRECISION = timedelta(minutes=1)
"""How precisely `last_used_at` of a key is recorded."""

# Run by every request with a key, so the statement is built once.
_CLIENTS, _KEYS = table_of(ClientRow), table_of(ApiKeyRow)
_ACTIVE = (_CLIENTS.c.revoked_at.is_(None), _KEYS.c.revoked_at.is_(None))
_OF_KEY = (
    sa.select(*_CLIENTS.c["id", "tenant", "channel", "scopes"], *_KEYS.c["digest", "last_used_at"])
    .join(_KEYS, _KEYS.c.client == _CLIENTS.c.id)
    .where(_KEYS.c.id == bindparam("key", type_=String()), *_ACTIVE)
)


class TooManyKeysError(Exception):
    """The client already has two active keys."""


class NotOfAChannelError(Exception):
    """The scope covers all of a tenant's orders, but the client belongs to one distribution channel."""


def add(tx: Session, access: TenantAccess, client: str, scopes: Collection[Scope], now: datetime) -> bool:
    """Register a client; return False when any tenant has a client of that name. Raises NotOfAChannelError."""
    if access.channel is not None and WHOLE_TENANT & set(scopes):
        raise NotOfAChannelError
    row = ClientRow(
        tenant=access.tenant, id=client, channel=access.channel, scopes=json.dumps(sorted(scopes)), created_at=now
    )
    return insert_if_absent(tx, row)


def find(tx: Session, tenant: str, client: str) -> ClientRow | None:
    """Return a tenant's client, revoked or not, and lock its row."""
    conditions = (ClientRow.tenant == tenant, ClientRow.id == client)
    return tx.exec(select(ClientRow).where(*conditions).with_for_update()).one_or_none()


def of_tenant(tx: Session, tenant: str) -> list[tuple[ClientRow, list[ApiKeyRow]]]:
    """Return a tenant's clients with their keys, oldest first."""
    rows = tx.exec(select(ClientRow).where(ClientRow.tenant == tenant).order_by(col(ClientRow.created_at)))
    return [(row, keys_of(tx, row.id)) for row in rows.all()]


def keys_of(tx: Session, client: str) -> list[ApiKeyRow]:
    """Return a client's keys, oldest first, revoked ones included."""
    query = select(ApiKeyRow).where(ApiKeyRow.client == client)
    return list(tx.exec(query.order_by(col(ApiKeyRow.created_at), col(ApiKeyRow.id))))


def add_key(tx: Session, client: ClientRow, key: str, digest: str, now: datetime) -> None:
    """Add a key to a locked client. Raises TooManyKeysError."""
    if sum(each.revoked_at is None for each in keys_of(tx, client.id)) >= MAX_KEYS:
        raise TooManyKeysError
    tx.add(ApiKeyRow(tenant=client.tenant, id=key, client=client.id, digest=digest, created_at=now))


def by_key(tx: Session, key: str) -> tuple[Caller, str, datetime | None] | None:
    """Return the caller of an active key, the key's digest and its last use; None for any other key."""
    row = tx.connection().execute(_OF_KEY, {"key": key}).one_or_none()
    return (_caller(row.id, row.tenant, row.channel, row.scopes), row.digest, row.last_used_at) if row else None


def by_name(tx: Session, client: str) -> Caller | None:
    """Return a registered client as a caller, or None when it is unknown or revoked."""
    row = tx.get(ClientRow, client)
    return _caller(row.id, row.tenant, row.channel, row.scopes) if row and row.revoked_at is None else None


def record_last_use(tx: Session, key: str, now: datetime) -> None:
    """Record the time at which a key was used."""
    tx.connection().execute(sa.update(_KEYS).where(_KEYS.c.id == key).values(last_used_at=now))


def _caller(client: str, tenant: str, channel: str | None, scopes: str) -> Caller:
    return Caller(client, TenantAccess(tenant, channel), scopes_in(json.loads(scopes)))
