"""The offer catalogue on our own database: products with prices by age, supplements and services."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from domain.ages import day_of
from domain.offers import OfferBundle, Service
from domain.products import Product, Supplement
from providers.pricing import build_bundle
from providers.protocols import OfferSearch
from store.database.inserts import table_of
from store.database.store import Store
from store.tables import ProductRow, ServiceRow, SupplementRow

OFFER_LIFE = timedelta(minutes=20)


def _by_id(table: sa.Table, *columns: str) -> sa.Select[Any]:
    has_id = table.c.id.in_(sa.bindparam("ids", expanding=True))
    return sa.select(*table.c[columns]).where(table.c.tenant == sa.bindparam("of_tenant"), has_id)


# Run for every change, so each statement is built once.
_PRODUCTS = _by_id(table_of(ProductRow), "id", "document")
_SUPPLEMENTS = _by_id(table_of(SupplementRow), "id", "document")
_SERVICES = _by_id(table_of(ServiceRow), "id", "railway_line", "departs_at", "day", "cancelled")


class EmbeddedOffers:
    """Returns one bundle per matching product, for all travellers, with a price by age for each."""

    external = False

    def __init__(self, store: Store, offer_life: timedelta = OFFER_LIFE) -> None:
        self._store = store
        self._life = offer_life

    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        """Return a bundle for each product that matches the search; none on a service that has left or is cancelled."""
        with self._store.read() as tx:
            found = [
                build_bundle(product, search, service, now, self._life)
                for product in _candidates(tx, tenant, search)
                for service in _find_service(tx, tenant, product, search, now)
            ]
        return [bundle for bundle in found if bundle is not None]

    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        """Return products by id."""
        with self._store.read() as tx:
            rows = tx.connection().execute(_PRODUCTS, _of(tenant, ids))
            return {name: Product.model_validate_json(text) for name, text in rows}

    def variants(self, tenant: str, parent: str) -> Sequence[Product]:
        """Return the products that are variants of a parent product."""
        with self._store.read() as tx:
            products = _products(tx, select(ProductRow).where(ProductRow.tenant == tenant))
            return [each for each in products if each.parent == parent]

    def supplements(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Supplement]:
        """Return supplements by id."""
        with self._store.read() as tx:
            rows = tx.connection().execute(_SUPPLEMENTS, _of(tenant, ids))
            return {name: Supplement.model_validate_json(text) for name, text in rows}

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


def _find_service(
    tx: Session, tenant: str, product: Product, search: OfferSearch, now: datetime
) -> Iterator[Service | None]:
    """Yield the service that a product is offered on, None for a product without departures, or nothing."""
    if search.service:
        service = _services(tx, tenant, [search.service]).get(search.service)
        if service and service.railway_line == product.railway_line:
            yield service
    elif product.railway_line is None:
        yield None
    elif search.valid_from:
        day = day_of(search.valid_from, search.time_zone)
        leaving = (
            ServiceRow.railway_line == product.railway_line,
            ServiceRow.day == day,
            col(ServiceRow.cancelled).is_(False),
            col(ServiceRow.departs_at) >= search.valid_from,
            col(ServiceRow.departs_at) > now,
        )
        query = select(ServiceRow).where(ServiceRow.tenant == tenant, *leaving)
        yield from (_service(row) for row in tx.exec(query.order_by(col(ServiceRow.departs_at)).limit(1)))


def _services(tx: Session, tenant: str, ids: Sequence[str]) -> dict[str, Service]:
    rows = tx.connection().execute(_SERVICES, _of(tenant, ids))
    return {row.id: _service(row) for row in rows}


def _of(tenant: str, ids: Sequence[str]) -> dict[str, str | list[str]]:
    return {"of_tenant": tenant, "ids": list(set(ids))}


def _service(row: ServiceRow | sa.Row[Any]) -> Service:
    return Service(
        id=row.id, railway_line=row.railway_line, departs_at=row.departs_at, day=row.day, cancelled=row.cancelled
    )
