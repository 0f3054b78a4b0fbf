"""Loads the order, the request and the part of the catalogue that one change needs."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from sqlmodel import Session

from domain.changes import ChangeKind, ChangeRequest
from domain.offers import OfferBundle, services_of
from domain.operations import AddSupplements, SupplementWish
from domain.orders import Order, OrderStatus
from domain.planning.builder import CatalogueSlice
from providers.catalogue_lookup import look_up
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


class OrderMovedOnError(Exception):
    """The order has changed since an external catalogue was read for it; it must be read again."""


class ContextLoader:
    """Loads order, request and catalogue data for a step; an external catalogue is called outside any transaction.

    So no transaction waits for it. The first steps of a change share one context: it is cached for the next step as
    long as the order has no new event.
    """

    def __init__(self, store: Store, offers: OfferCatalogue) -> None:
        self.store = store
        self.offers = offers
        self._cached = OrderedDict[str, PlanningContext]()

    def load(self, order_row: OrderRow, change: str) -> PlanningContext:
        """Return the context of a change: a cached one, unless the order has an event since.

        Raises OrderMovedOnError inside a transaction if an external catalogue would have to be read.
        """
        context = self._cached.pop(change, None)
        # Every change to an order's lines, travellers and money appends an event in the same transaction; the seats
        # of this change are held only after these steps.
        if context is None or context.order.last_event != order_row.last_event:
            if self.offers.external and self.store.in_transaction:
                raise OrderMovedOnError
            context = self._load(order_row, change)
        self._cache(change, context)
        return context

    def read_ahead(self, order: str, change: str) -> None:
        """Load the context of a change before the transaction that uses it; no transaction may be open."""
        with self.store.read() as tx:
            order_row = tx.get_one(OrderRow, order)
        self.load(order_row, change)

    def _load(self, order_row: OrderRow, change: str) -> PlanningContext:
        with self.store.read() as tx:
            request, order = changes.request_of(changes.existing(tx, change)), load(tx, order_row)
            named = find_bundles(tx, order_row.tenant, order, request)
        if request.kind not in _KINDS_WITH_CATALOGUE:
            return PlanningContext(order, request, CatalogueSlice({}, {}, {}, {}))
        return PlanningContext(order, request, load_slice(order_row.tenant, self.offers, order, request, named))

    def _cache(self, change: str, context: PlanningContext) -> None:
        self._cached[change] = context
        if len(self._cached) > _MAX_CACHED:
            self._cached.popitem(last=False)


def find_bundles(tx: Session, tenant: str, order: Order, request: ChangeRequest) -> dict[str, OfferBundle]:
    """Return the stored bundles that a request names, or by which the lines of an expired order were sold."""
    named = [wish.offer_bundle_id for wish in request.wishes]
    # The lines of an expired order are renewed by their offers while those stand.
    sold = [line.offer_bundle for line in order.live_lines if line.offer_bundle] if _is_expired(order) else []
    return offer_bundles.find(tx, tenant, [*named, *sold])


def _is_expired(order: Order) -> bool:
    return order.status is OrderStatus.EXPIRED


def load_slice(
    tenant: str, offers: OfferCatalogue, order: Order, request: ChangeRequest, named: dict[str, OfferBundle]
) -> CatalogueSlice:
    """Return the named bundles, and the products, supplements and services that a request touches.

    Raises ProviderUnavailableError. An external catalogue must not be called within a transaction.
    """
    offered = {offer.product for bundle in named.values() for offer in bundle.offers}
    lines = (*order.live_lines, *order.confirmed_lines)
    sold = {line.product for line in lines}
    added = {each.supplement for each in _supplements(request)}
    services = {line.service for line in lines} | {each.service for each in named.values()}
    found = look_up(offers, tenant, offered | sold, added | sold, filter(None, services))
    known = services_of(found.services, (*lines, *named.values()))
    return CatalogueSlice(named, found.products, found.supplements, known)


def _supplements(request: ChangeRequest) -> Iterator[SupplementWish]:
    for wish in request.wishes:
        yield from wish.supplements
    for operation in request.operations:
        if isinstance(operation, AddSupplements):
            yield from operation.supplements
