"""Loads the order, the request and the part of the catalogue that one change needs."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from sqlmodel import Session

from domain.changes import ChangeKind, ChangeRequest
from domain.offers import OfferBundle
from domain.operations import AddSupplements, SupplementWish
from domain.orders import Order, OrderStatus
from domain.planning.builder import CatalogueSlice
from providers.protocols import OfferCatalogue
from store.changes import changes
from store.database.store import Store
from store.orders import offer_bundles
from store.orders.orders import load
from store.tables import OrderRow

_KINDS_WITH_CATALOGUE = (ChangeKind.CHANGE, ChangeKind.CONFIRM, ChangeKind.PAY)
_MAX_CACHED = 64


@dataclass(frozen=True)
class PlanningContext:
    """An order, a request and a slice of the catalogue, loaded together."""

    order: Order
    request: ChangeRequest
    catalogue: CatalogueSlice


class ContextLoader:
    """Loads order, request and catalogue data for a step; the catalogue is called outside any transaction.

    So no transaction waits for an external catalogue. The first steps of a change share one context: it is cached for
    the next step as long as the order has no new event.
    """

    def __init__(self, store: Store, offers: OfferCatalogue) -> None:
        self.store = store
        self.offers = offers
        self._cached = OrderedDict[str, PlanningContext]()

    def load(self, order_row: OrderRow, change: str) -> PlanningContext:
        """Return the context of a change: a cached one, unless the order has an event since."""
        context = self._cached.pop(change, None)
        # Every change to an order's lines, travellers and money appends an event in the same transaction; the seats
        # of this change are held only after these steps.
        if context is None or context.order.last_event != order_row.last_event:
            context = self._load(order_row, change)
        self._cache(change, context)
        return context

    def _load(self, order_row: OrderRow, change: str) -> PlanningContext:
        with self.store.read() as tx:
            request, order = changes.request_of(changes.existing(tx, change)), load(tx, order_row)
            named = _find_bundles(tx, order_row.tenant, order, request)
        if request.kind not in _KINDS_WITH_CATALOGUE:
            return PlanningContext(order, request, CatalogueSlice({}, {}, {}, {}))
        return PlanningContext(order, request, _load_slice(order_row.tenant, self.offers, order, request, named))

    def _cache(self, change: str, context: PlanningContext) -> None:
        self._cached[change] = context
        if len(self._cached) > _MAX_CACHED:
            self._cached.popitem(last=False)


def catalogue_slice_for(
    tx: Session, tenant: str, offers: OfferCatalogue, order: Order, request: ChangeRequest
) -> CatalogueSlice:
    """Return the bundles a request names, and the products, supplements and services it touches."""
    return _load_slice(tenant, offers, order, request, _find_bundles(tx, tenant, order, request))


def _find_bundles(tx: Session, tenant: str, order: Order, request: ChangeRequest) -> dict[str, OfferBundle]:
    named = [wish.offer_bundle_id for wish in request.wishes]
    # The lines of an expired order are renewed by their offers while those stand.
    sold = [line.offer_bundle for line in order.live_lines if line.offer_bundle] if _is_expired(order) else []
    return offer_bundles.find(tx, tenant, [*named, *sold])


def _is_expired(order: Order) -> bool:
    return order.status is OrderStatus.EXPIRED


def _load_slice(
    tenant: str, offers: OfferCatalogue, order: Order, request: ChangeRequest, named: dict[str, OfferBundle]
) -> CatalogueSlice:
    offered = {offer.product for bundle in named.values() for offer in bundle.offers}
    lines = (*order.live_lines, *order.confirmed_lines)
    sold = {line.product for line in lines}
    added = {each.supplement for each in _supplements(request)}
    services = {line.service for line in lines} | {each.service for each in named.values()}
    return CatalogueSlice(
        bundles=named,
        products=offers.products(tenant, sorted(offered | sold)),
        supplements=offers.supplements(tenant, sorted(added | sold)) if added | sold else {},
        services=offers.services(tenant, sorted(filter(None, services))) if any(services) else {},
    )


def _supplements(request: ChangeRequest) -> Iterator[SupplementWish]:
    for wish in request.wishes:
        yield from wish.supplements
    for operation in request.operations:
        if isinstance(operation, AddSupplements):
            yield from operation.supplements
