"""From order items as they are sent to our own operations. No rule of the business lives here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from api.discover.items import item_number, position_of
from api.discover.messages import ValidationMessage, ignoring, refusing
from api.discover.offering import Wanted, find, products_named
from api.discover.people import anonymous, gender_messages, identified
from api.discover.requests import OrderItemIn, ProductConfigurationIn
from api.discover.zones import instant
from api.parts import ApiParts
from api.problems import ProblemError
from domain.lineage import at_position
from domain.model import is_code
from domain.offers import OfferBundle
from domain.operations import AddLines, KeepPositions, Operation, SetPosition
from domain.orders import Order, OrderLine
from domain.refusals import LineNotFound, LineRemoved
from domain.travellers import Traveller
from store import bundles


@dataclass(frozen=True)
class Prepared:
    """What an item comes to: an operation, or why there is none, and what of it was ignored."""

    operations: tuple[Operation, ...] = ()
    refusals: list[ValidationMessage] = field(default_factory=list)
    warnings: list[ValidationMessage] = field(default_factory=list)


@dataclass(frozen=True)
class Preparing:
    """Prepares items for one order, in one time zone."""

    made: ApiParts
    order: Order
    zone: str

    def whole(self, sent: Sequence[OrderItemIn] | None) -> Prepared:
        """Prepare a whole order: items listed by number, new ones, and the end of all others."""
        if sent is None:
            return Prepared(refusals=[refusing("ordered_item_absent")])
        listed = [(each, position_of(self.order, each.order_item_number or "")) for each in sent]
        if any(each.order_item_number and not position for each, position in listed):
            return Prepared(refusals=[refusing("orderitem_not_found")])
        kept = KeepPositions(op="keep_positions", positions=tuple(position for _, position in listed if position))
        all_ = self.together(listed)
        return Prepared((*all_.operations, kept), all_.refusals, all_.warnings)

    def together(self, items: Iterable[tuple[OrderItemIn, int | None]]) -> Prepared:
        """Prepare several items, each at its position or new: all of them or none."""
        each = [self.item(sent, position) for sent, position in items]
        return Prepared(
            tuple(operation for one in each for operation in one.operations),
            [message for one in each for message in one.refusals],
            [message for one in each for message in one.warnings],
        )

    def item(self, sent: OrderItemIn, position: int | None) -> Prepared:
        """Prepare an item at a position, or a new one."""
        there = self._at(position) if position else ()
        item = item_number(self.order, position) if position else None
        configuration = sent.ordered_item
        refusals = gender_messages(configuration.traveler, item)
        if sent.order_quantity != 1:
            refusals.append(refusing("orderitem_quantity_unsupported", item))
        if refusals:
            return Prepared(refusals=refusals)
        warnings = _contradictions(configuration, item)
        if sent.offer_bundle_id:
            return self._with_bundle(sent, sent.offer_bundle_id.lower(), position, warnings)
        if position and not _configures(configuration):
            travellers = identified(configuration.traveler, self._people(there))
            keep = SetPosition(op="set_position", position=position, travellers=travellers)
            return Prepared((keep,), warnings=warnings)
        return self._searched(configuration, there, position, warnings)

    def _at(self, position: int) -> tuple[OrderLine, ...]:
        try:
            return at_position(self.order, position)
        except (LineNotFound, LineRemoved):
            raise ProblemError("ORDER_ITEM_NOT_FOUND") from None

    def _with_bundle(
        self, sent: OrderItemIn, bundle_id: str, position: int | None, warnings: list[ValidationMessage]
    ) -> Prepared:
        item = item_number(self.order, position) if position else None
        bundle = self._bundle(bundle_id)
        if bundle is None:
            return Prepared(refusals=[refusing("offer_not_found", item)])
        named = sent.ordered_item.product.identifier
        if named and all(offer.product != named for offer in bundle.offers):
            warnings = [*warnings, ignoring("product_ignored", item)]
        travellers = identified(sent.ordered_item.traveler, self._mapped(bundle))
        return Prepared((_operation(position, bundle.id, travellers),), warnings=warnings)

    def _searched(
        self,
        configuration: ProductConfigurationIn,
        there: tuple[OrderLine, ...],
        position: int | None,
        warnings: list[ValidationMessage],
    ) -> Prepared:
        item = item_number(self.order, position) if position else None
        wanted = self.wanted(configuration, there, item)
        if len(wanted.products) != 1:
            return Prepared(refusals=[refusing("orderitem_product_incorrect", item)])
        found, refusals = find(self.made, wanted, self.order.number)
        if not found:
            return Prepared(refusals=refusals)
        return Prepared((_operation(position, found[0].id, wanted.travellers),), warnings=warnings)

    def wanted(self, configuration: ProductConfigurationIn, there: tuple[OrderLine, ...], item: str | None) -> Wanted:
        """Return what is looked for; what was left out is as on the item."""
        named = configuration.product
        if there and not named.identifier and not named.product_identifier:
            named = named.model_copy(update={"identifier": there[0].product})
        valid_from = instant(configuration.valid_from, self.zone) if configuration.valid_from else None
        return Wanted(
            products=products_named(self.made, named),
            valid_from=valid_from or (there[0].valid_from if there else None),
            zone=self.zone,
            travellers=self._party(configuration, there),
            item=item,
        )

    def _party(self, configuration: ProductConfigurationIn, there: tuple[OrderLine, ...]) -> tuple[Traveller, ...]:
        known = {each.id: each for each in self._people(there)}
        if configuration.traveler:
            sent = identified(configuration.traveler, known.values())
            return tuple(known[each.id].completed_by(each) if each.id in known else each for each in sent)
        count = configuration.number_of_travelers or len(known) or 1
        return tuple(known.values()) if len(known) == count else anonymous(count)

    def _people(self, lines: Iterable[OrderLine]) -> list[Traveller]:
        aboard = {each for line in lines for each in line.travellers}
        return [each for each in self.order.travellers if each.id in aboard]

    def _mapped(self, bundle: OfferBundle) -> list[Traveller]:
        """Return the travellers of a bundle as the order knows them, born when the bundle says."""
        known = {each.id: each for each in self.order.travellers}
        offered = [each for offer in bundle.offers for each in offer.travellers]
        people = [(known.get(each.id) or Traveller(id=each.id), each.birth_date) for each in offered]
        return [each.model_copy(update={"birth_date": birth}) if birth else each for each, birth in people]

    def _bundle(self, bundle_id: str) -> OfferBundle | None:
        if not is_code(bundle_id):
            return None
        with self.made.store.read() as tx:
            return bundles.find(tx, self.made.tenant, [bundle_id]).get(bundle_id)


def _operation(position: int | None, bundle: str, travellers: tuple[Traveller, ...]) -> Operation:
    if position:
        return SetPosition(op="set_position", position=position, offer_bundle_id=bundle, travellers=travellers)
    return AddLines(op="add_lines", offer_bundle_id=bundle, travellers=travellers)


def _configures(configuration: ProductConfigurationIn) -> bool:
    """Whether a configuration asks for more than details of travellers: then a new bundle is looked for."""
    product = configuration.product
    return bool(
        product.identifier
        or product.product_identifier
        or configuration.valid_from
        or configuration.number_of_travelers
    )


def _contradictions(configuration: ProductConfigurationIn, item: str | None) -> list[ValidationMessage]:
    count = configuration.number_of_travelers
    if configuration.traveler and count not in (None, len(configuration.traveler)):
        return [ignoring("number_of_travelers_ignored", item)]
    return []
