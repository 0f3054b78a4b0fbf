"""Offer bundles that a search returned."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import SQLModel

from store.database.column_types import bounded_text, document, utc_datetime

_NOT_ERASED = text("NOT erased")


class OfferRow(SQLModel, table=True):
    """The bundle of an offer, for clients that name offers only."""

    __tablename__ = "offers"

    tenant: str = bounded_text(64, primary_key=True)
    id: str = bounded_text(64, primary_key=True)
    bundle: str = bounded_text(64)


class BundleRow(SQLModel, table=True):
    """An offer bundle, unchanged since it was offered except for redaction. Its document has birth dates."""

    __tablename__ = "offer_bundles"
    __table_args__ = (
        Index(
            "offer_bundles_not_erased", "tenant", "expires_at", sqlite_where=_NOT_ERASED, postgresql_where=_NOT_ERASED
        ),
    )

    tenant: str = bounded_text(64)
    id: str = bounded_text(64, primary_key=True)
    expires_at: datetime = utc_datetime()
    order_number: str | None = bounded_text(20, default=None, index=True)
    """The only order that may take the bundle; None for any."""
    document: str = document()
    erased: bool = False
    """Whether personal data in the document has been redacted after the retention period."""
