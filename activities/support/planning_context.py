"""Gathers what is sold, as far as one change needs to know it."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlmodel import Session

from domain.changes import ChangeKind, ChangeRequest
from domain.offers import OfferBundle
from domain.operations import AddSupplements, SupplementWish
from domain.orders import Order
from domain.planning.builder import CatalogueSlice
from providers.protocols import OfferCatalogue
from store.changes import changes
from store.database.store import Store
from store.orders import offer_bundles
from store.orders.orders import load
from store.tables import OrderRow

_SHOPPING = (ChangeKind.CHANGE, ChangeKind.CONFIRM)
_MOST_KEPT = 64


@dataclass(frozen=True)
class PlanningContext:
    """An order, what is asked of it, and what is sold, all looked at together."""

    order: Order
    request: ChangeRequest
    catalogue: CatalogueSlice


class ContextLoader:
    """How steps look at an order and the shelf: the catalogue is asked when our own books are read.

    So a catalogue outside is never waited for within a transaction. The first steps of a change see the
    same: what the first has seen is kept for the next ones, as long as nothing has happened to the order.
    """

    def __init__(self, store: Store, offers: OfferCatalogue) -> None:
        self.store = store
        self.offers = offers
        self._kept = OrderedDict[str, PlanningContext]()

    def loader_for(self, change: str) -> Callable[[OrderRow], PlanningContext]:
        """Return how a step of a change looks, given the order's head."""

        def look(head: OrderRow) -> PlanningContext:
            seen = self._kept.pop(change, None)
            # Whatever happens to an order's lines, travellers and money is an event, in the transaction that makes it
            # true; seats are held for this change after these steps.
            if seen is None or seen.order.last_event != head.last_event:
                seen = self._look(head, change)
            self._keep(change, seen)
            return seen

        return look

    def _look(self, head: OrderRow, change: str) -> PlanningContext:
        with self.store.read() as tx:
            request, order = changes.request_of(changes.existing(tx, change)), load(tx, head)
            named = _named(tx, head.tenant, request)
        if request.kind not in _SHOPPING:
            return PlanningContext(order, request, CatalogueSlice({}, {}, {}, {}))
        return PlanningContext(order, request, _shelf(head.tenant, self.offers, order, request, named))

    def _keep(self, change: str, seen: PlanningContext) -> None:
        self._kept[change] = seen
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)


def catalogue_slice_for(
    tx: Session, tenant: str, offers: OfferCatalogue, order: Order, request: ChangeRequest
) -> CatalogueSlice:
    """Return the bundles a request names, and the products, supplements and services it touches."""
    return _shelf(tenant, offers, order, request, _named(tx, tenant, request))


def _named(tx: Session, tenant: str, request: ChangeRequest) -> dict[str, OfferBundle]:
    return offer_bundles.find(tx, tenant, [wish.offer_bundle_id for wish in request.wishes])


def _shelf(
    tenant: str, offers: OfferCatalogue, order: Order, request: ChangeRequest, named: dict[str, OfferBundle]
) -> CatalogueSlice:
    offered = {offer.product for bundle in named.values() for offer in bundle.offers}
    sold = {line.product for line in order.live_lines}
    on_top = {each.supplement for each in _supplements(request)}
    services = {line.service for line in order.live_lines} | {each.service for each in named.values()}
    return CatalogueSlice(
        bundles=named,
        products=offers.products(tenant, sorted(offered | sold)),
        supplements=offers.supplements(tenant, sorted(on_top | sold)) if on_top | sold else {},
        services=offers.services(tenant, sorted(filter(None, services))) if any(services) else {},
    )


def _supplements(request: ChangeRequest) -> Iterator[SupplementWish]:
    for wish in request.wishes:
        yield from wish.supplements
    for operation in request.operations:
        if isinstance(operation, AddSupplements):
            yield from operation.supplements
