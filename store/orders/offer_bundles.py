"""Stored offer bundles, unchanged since they were offered."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from domain.offers import OfferBundle
from store.database.documents import from_document, to_document
from store.database.inserts import table_of
from store.database.tenant_session import TenantSession
from store.tables import BundleRow, LineRow, OfferRow

# Run for every change, so the statement is built once.
_TABLE = table_of(BundleRow)
_BUNDLES = sa.select(_TABLE.c.id, _TABLE.c.document).where(
    _TABLE.c.tenant == sa.bindparam("of_tenant"), _TABLE.c.id.in_(sa.bindparam("ids", expanding=True))
)


def keep(tx: TenantSession, bundle: OfferBundle) -> None:
    """Store a bundle and its offers."""
    text, tenant, when = to_document(bundle), tx.access.tenant, bundle.expires_at
    tx.add(BundleRow(tenant=tenant, id=bundle.id, expires_at=when, order_number=bundle.order, document=text))
    tx.add_all(OfferRow(tenant=tenant, id=offer.id, bundle=bundle.id) for offer in bundle.offers)


def find(tx: Session, tenant: str, ids: Iterable[str]) -> dict[str, OfferBundle]:
    """Return a tenant's bundles by id; unknown ids and other tenants' bundles are absent."""
    requested = set(ids)
    if not requested:
        return {}
    tx.flush()
    rows = tx.connection().execute(_BUNDLES, {"of_tenant": tenant, "ids": list(requested)})
    return {name: from_document(OfferBundle, text) for name, text in rows}


def first_expiry(tx: Session, order: str, now: datetime) -> datetime | None:
    """Return the earliest future expiry of the bundles behind an order's live lines, or None."""
    live = (LineRow.order_number == order, col(LineRow.undone).is_(False), col(LineRow.removed_by).is_(None))
    sold_by = select(BundleRow.expires_at).join(LineRow, col(BundleRow.id) == LineRow.offer_bundle)
    unexpired = sold_by.where(*live, BundleRow.expires_at > now).order_by(col(BundleRow.expires_at))
    return tx.exec(unexpired.limit(1)).first()


def of_offers(tx: TenantSession, offers: Iterable[str]) -> dict[str, OfferBundle]:
    """Return the bundle of each offer by the offer's id; unknown ids and other tenants' offers are absent."""
    tenant = tx.access.tenant
    rows = tx.exec(select(OfferRow).where(OfferRow.tenant == tenant, col(OfferRow.id).in_(set(offers)))).all()
    bundles = find(tx, tenant, [row.bundle for row in rows])
    return {row.id: bundles[row.bundle] for row in rows}
