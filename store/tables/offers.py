"""Offer bundles that were found and promised."""

from datetime import datetime

from sqlmodel import SQLModel

from store.columns import document, moment, words


class OfferRow(SQLModel, table=True):
    """Which bundle an offer is part of: some clients know offers only."""

    __tablename__ = "offers"

    tenant: str = words(64, primary_key=True)
    id: str = words(64, primary_key=True)
    bundle: str = words(64)


class BundleRow(SQLModel, table=True):
    """A promise: kept as it was given. Its document holds birth dates."""

    __tablename__ = "offer_bundles"

    tenant: str = words(64)
    id: str = words(64, primary_key=True)
    expires_at: datetime = moment()
    document: str = document()
