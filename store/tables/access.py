"""Who may use the API."""

from datetime import datetime

from sqlmodel import SQLModel

from store.database.column_types import document, moment, words


class ClientRow(SQLModel, table=True):
    """A machine that calls the API."""

    __tablename__ = "clients"

    tenant: str = words(64, index=True)
    id: str = words(64, primary_key=True)
    """Its name; in a token, the client it was issued to."""
    channel: str | None = words(64, default=None)
    """The distribution channel whose orders are its own; none means all of the tenant's."""
    scopes: str = document()
    """As JSON."""
    created_at: datetime = moment()
    revoked_at: datetime | None = moment(default=None)


class ApiKeyRow(SQLModel, table=True):
    """An API key of a client. What of it is secret is kept as a keyed hash."""

    __tablename__ = "api_keys"

    tenant: str = words(64)
    id: str = words(20, primary_key=True)
    """The part that may be seen, in logs and lists."""
    client: str = words(64, foreign_key="clients.id", index=True)
    digest: str = words(64)
    created_at: datetime = moment()
    last_used_at: datetime | None = moment(default=None)
    revoked_at: datetime | None = moment(default=None)
