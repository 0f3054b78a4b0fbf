"""Who may use the API."""

from datetime import datetime

from sqlmodel import SQLModel

from store.database.column_types import bounded_text, document, utc_datetime


class ClientRow(SQLModel, table=True):
    """A machine that calls the API."""

    __tablename__ = "clients"

    tenant: str = bounded_text(64, index=True)
    id: str = bounded_text(64, primary_key=True)
    """Its name; in a token, the client it was issued to."""
    channel: str | None = bounded_text(64, default=None)
    """The distribution channel whose orders are its own; none means all of the tenant's."""
    scopes: str = document()
    """As JSON."""
    created_at: datetime = utc_datetime()
    revoked_at: datetime | None = utc_datetime(default=None)


class ApiKeyRow(SQLModel, table=True):
    """An API key of a client. What of it is secret is kept as a keyed hash."""

    __tablename__ = "api_keys"

    tenant: str = bounded_text(64)
    id: str = bounded_text(20, primary_key=True)
    """The part that may be seen, in logs and lists."""
    client: str = bounded_text(64, foreign_key="clients.id", index=True)
    digest: str = bounded_text(64)
    created_at: datetime = utc_datetime()
    last_used_at: datetime | None = utc_datetime(default=None)
    revoked_at: datetime | None = utc_datetime(default=None)
