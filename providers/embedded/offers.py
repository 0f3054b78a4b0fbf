"""Offer catalogue on our own database: products with prices by age, supplements, services."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from domain.ages import day_of
from domain.offers import OfferBundle, Service
from domain.products import Product, Supplement
from providers.pricing import bundle_of
from providers.protocols import OfferSearch
from store.database import Store
from store.tables import ProductRow, ServiceRow, SupplementRow

OFFER_LIFE = timedelta(minutes=20)


class EmbeddedOffers:
    """Finds one bundle per product that fits: all travellers, one price each by age."""

    outside = False

    def __init__(self, store: Store, offer_life: timedelta = OFFER_LIFE) -> None:
        self._store = store
        self._life = offer_life

    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        """Return a bundle for each product the search fits; none for a departure that has left."""
        with self._store.read() as tx:
            found = [
                bundle_of(product, search, service, now, self._life)
                for product in _candidates(tx, tenant, search)
                for service in _where(tx, tenant, product, search, now)
            ]
        return [bundle for bundle in found if bundle is not None]

    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        """Return products by id."""
        with self._store.read() as tx:
            rows = tx.exec(select(ProductRow).where(ProductRow.tenant == tenant, col(ProductRow.id).in_(set(ids))))
            return {row.id: Product.model_validate_json(row.document) for row in rows}

    def variants(self, tenant: str, parent: str) -> Sequence[Product]:
        """Return the products that are variants of one."""
        with self._store.read() as tx:
            products = _products(tx, select(ProductRow).where(ProductRow.tenant == tenant))
            return [each for each in products if each.parent == parent]

    def supplements(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Supplement]:
        """Return supplements by id."""
        with self._store.read() as tx:
            mine = (SupplementRow.tenant == tenant, col(SupplementRow.id).in_(set(ids)))
            rows = tx.exec(select(SupplementRow).where(*mine))
            return {row.id: Supplement.model_validate_json(row.document) for row in rows}

    def services(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Service]:
        """Return services by id."""
        with self._store.read() as tx:
            return _services(tx, tenant, ids)


def _candidates(tx: Session, tenant: str, search: OfferSearch) -> list[Product]:
    query = select(ProductRow).where(ProductRow.tenant == tenant)
    if search.product:
        query = query.where(ProductRow.id == search.product)
    return _products(tx, query)


def _products(tx: Session, query: SelectOfScalar[ProductRow]) -> list[Product]:
    return [Product.model_validate_json(row.document) for row in tx.exec(query.order_by(col(ProductRow.id)))]


def _where(tx: Session, tenant: str, product: Product, search: OfferSearch, now: datetime) -> Iterator[Service | None]:
    """Yield the service a product is to be sold on, or None for a product without departures; else nothing."""
    if search.service:
        service = _services(tx, tenant, [search.service]).get(search.service)
        if service and service.line == product.line and not service.departed(now):
            yield service
    elif product.line is None:
        yield None
    elif search.valid_from:
        day, from_ = day_of(search.valid_from, search.time_zone), max(search.valid_from, now)
        leaving = (ServiceRow.line == product.line, ServiceRow.day == day, col(ServiceRow.departs_at) >= from_)
        query = select(ServiceRow).where(ServiceRow.tenant == tenant, *leaving)
        services = [_service(row) for row in tx.exec(query.order_by(col(ServiceRow.departs_at)).limit(2))]
        yield from [each for each in services if not each.departed(now)][:1]


def _services(tx: Session, tenant: str, ids: Sequence[str]) -> dict[str, Service]:
    rows = tx.exec(select(ServiceRow).where(ServiceRow.tenant == tenant, col(ServiceRow.id).in_(set(ids))))
    return {row.id: _service(row) for row in rows}


def _service(row: ServiceRow) -> Service:
    return Service(id=row.id, line=row.line, departs_at=row.departs_at, day=row.day)
