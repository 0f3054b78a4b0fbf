"""Offer bundles that were found and promised."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import SQLModel

from store.database.column_types import bounded_text, document, utc_datetime

_NOT_ERASED = text("NOT erased")


class OfferRow(SQLModel, table=True):
    """Which bundle an offer is part of: some clients know offers only."""

    __tablename__ = "offers"

    tenant: str = bounded_text(64, primary_key=True)
    id: str = bounded_text(64, primary_key=True)
    bundle: str = bounded_text(64)


class BundleRow(SQLModel, table=True):
    """A promise: kept as it was given, but for whom it was given to. Its document holds birth dates."""

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
    """The only order it may be taken for."""
    document: str = document()
    erased: bool = False
    """Whether nobody is in it any more: it was kept for as long as it may be."""
