"""Offer bundles: promises kept as they were given."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from domain.offers import OfferBundle
from store.tables import BundleRow, OfferRow


def keep(tx: Session, tenant: str, bundle: OfferBundle) -> None:
    """Keep a promise that was made."""
    text = bundle.model_dump_json()
    tx.add(BundleRow(tenant=tenant, id=bundle.id, expires_at=bundle.expires_at, document=text))
    tx.add_all(OfferRow(tenant=tenant, id=offer.id, bundle=bundle.id) for offer in bundle.offers)


def find(tx: Session, tenant: str, ids: Iterable[str]) -> dict[str, OfferBundle]:
    """Return bundles by id; unknown ones, and another tenant's, are absent."""
    wanted = set(ids)
    if not wanted:
        return {}
    rows = tx.exec(select(BundleRow).where(BundleRow.tenant == tenant, col(BundleRow.id).in_(wanted)))
    return {row.id: OfferBundle.model_validate_json(row.document) for row in rows}


def of_offers(tx: Session, tenant: str, offers: Iterable[str]) -> dict[str, OfferBundle]:
    """Return the bundle of each offer by the offer's id; unknown ones, and another tenant's, are absent."""
    rows = tx.exec(select(OfferRow).where(OfferRow.tenant == tenant, col(OfferRow.id).in_(set(offers)))).all()
    bundles = find(tx, tenant, [row.bundle for row in rows])
    return {row.id: bundles[row.bundle] for row in rows}
