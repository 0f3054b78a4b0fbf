"""Offer bundles that were found and promised."""

from datetime import datetime

from sqlmodel import SQLModel

from store.columns import document, moment, words


class BundleRow(SQLModel, table=True):
    """A promise: kept as it was given. Its document holds birth dates."""

    __tablename__ = "offer_bundles"

    tenant: str = words(64)
    id: str = words(64, primary_key=True)
    expires_at: datetime = moment()
    document: str = document()
