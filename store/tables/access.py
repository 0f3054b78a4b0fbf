"""API clients and their keys."""

from datetime import datetime

from sqlmodel import SQLModel

from store.database.column_types import bounded_text, document, utc_datetime


class ClientRow(SQLModel, table=True):
    """A registered API client: a system that calls the API."""

    __tablename__ = "clients"

    tenant: str = bounded_text(64, index=True)
    id: str = bounded_text(64, primary_key=True)
    """The client's name; in a token, the client to which the token was issued."""
    channel: str | None = bounded_text(64, default=None)
    """The distribution channel whose orders the client may see; None means all of the tenant's orders."""
    scopes: str = document()
    """A JSON list."""
    created_at: datetime = utc_datetime()
    revoked_at: datetime | None = utc_datetime(default=None)


class ApiKeyRow(SQLModel, table=True):
    """An API key of a client. The secret part is stored as a keyed hash."""

    __tablename__ = "api_keys"

    tenant: str = bounded_text(64)
    id: str = bounded_text(20, primary_key=True)
    """The public part of the key, shown in logs and lists."""
    client: str = bounded_text(64, foreign_key="clients.id", index=True)
    digest: str = bounded_text(64)
    created_at: datetime = utc_datetime()
    last_used_at: datetime | None = utc_datetime(default=None)
    revoked_at: datetime | None = utc_datetime(default=None)
