"""From order items as they are sent to our own operations. No rule of the business lives here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from api.context import ApiContext
from api.discover.items import item_number, item_position
from api.discover.messages import ValidationMessage, ignoring, refusing
from api.discover.offers import OfferQuery, find, products_named
from api.discover.requests import OrderItemIn, ProductConfigurationIn
from api.discover.time_zones import instant
from api.discover.travellers import anonymous, gender_messages, identified
from api.errors.problems import ProblemError
from api.http.birth_dates import possible
from domain.lineage import at_position
from domain.model import is_code
from domain.offers import OfferBundle
from domain.operations import AddLines, KeepPositions, Operation, SetPosition
from domain.orders import Order, OrderLine
from domain.refusals import LineNotFound, LineRemoved
from domain.travellers import Traveller
from store.orders import offer_bundles


@dataclass(frozen=True)
class TranslatedRequest:
    """What an item comes to: an operation, or why there is none, and what of it was ignored."""

    operations: tuple[Operation, ...] = ()
    refusals: list[ValidationMessage] = field(default_factory=list)
    warnings: list[ValidationMessage] = field(default_factory=list)
    read_at: tuple[int, ...] | None = None
    """The order's last event, when something that was not sent was taken from the order as it was read."""


@dataclass(frozen=True)
class RequestTranslator:
    """Prepares items for one order, in one time zone."""

    made: ApiContext
    order: Order
    zone: str

    def whole(self, sent: Sequence[OrderItemIn] | None) -> TranslatedRequest:
        """Prepare a whole order: items listed by number, new ones, and the end of all others."""
        if sent is None:
            return TranslatedRequest(refusals=[refusing("ordered_item_absent")])
        listed = [(each, item_position(self.order, each.order_item_number or "")) for each in sent]
        if any(each.order_item_number and not position for each, position in listed):
            return TranslatedRequest(refusals=[refusing("orderitem_not_found")])
        kept = KeepPositions(op="keep_positions", positions=tuple(position for _, position in listed if position))
        all_ = self.together(listed)
        return TranslatedRequest((*all_.operations, kept), all_.refusals, all_.warnings, all_.read_at)

    def together(self, items: Iterable[tuple[OrderItemIn, int | None]]) -> TranslatedRequest:
        """Prepare several items, each at its position or new: all of them or none."""
        each = [self.item(sent, position) for sent, position in items]
        return TranslatedRequest(
            tuple(operation for one in each for operation in one.operations),
            [message for one in each for message in one.refusals],
            [message for one in each for message in one.warnings],
            read_at=next((one.read_at for one in each if one.read_at), None),
        )

    def item(self, sent: OrderItemIn, position: int | None) -> TranslatedRequest:
        """Prepare an item at a position, or a new one."""
        there = self._at(position) if position else ()
        item = item_number(self.order, position) if position else None
        configuration = sent.ordered_item
        refusals = [*gender_messages(configuration.traveler, item), *self._births(configuration, item)]
        if sent.order_quantity != 1:
            refusals.append(refusing("orderitem_quantity_unsupported", item))
        if refusals:
            return TranslatedRequest(refusals=refusals)
        if sent.offer_bundle_id:
            return self._with_bundle(configuration, sent.offer_bundle_id.lower(), position, item)
        if position and not configuration.names_a_product:
            travellers = identified(configuration.traveler, self._people(there))
            keep = SetPosition(op="set_position", position=position, travellers=travellers)
            return TranslatedRequest((keep,), read_at=self._read_at(needed=configuration.nameless))
        return self._searched(configuration, there, position, item)

    def _at(self, position: int) -> tuple[OrderLine, ...]:
        try:
            return at_position(self.order, position)
        except (LineNotFound, LineRemoved):
            raise ProblemError("ORDER_ITEM_NOT_FOUND") from None

    def _births(self, configuration: ProductConfigurationIn, item: str | None) -> list[ValidationMessage]:
        today = self.made.store.now().date()
        sent = [each for each in configuration.traveler if each.birth_date and not possible(each.birth_date, today)]
        return [refusing("traveler_incorrect_birthdate", item, each.identifier) for each in sent]

    def _with_bundle(
        self, configuration: ProductConfigurationIn, bundle_id: str, position: int | None, item: str | None
    ) -> TranslatedRequest:
        bundle = self._bundle(bundle_id)
        if bundle is None:
            return TranslatedRequest(refusals=[refusing("offer_not_found", item)])
        travellers = identified(configuration.traveler, self._mapped(bundle))
        operation = _operation(position, bundle.id, travellers)
        warnings = self._overruled(configuration, bundle, item)
        return TranslatedRequest((operation,), warnings=warnings, read_at=self._read_at(needed=configuration.nameless))

    def _read_at(self, *, needed: bool) -> tuple[int, ...] | None:
        return (self.order.last_event,) if needed else None

    def _overruled(
        self, configuration: ProductConfigurationIn, bundle: OfferBundle, item: str | None
    ) -> list[ValidationMessage]:
        """Return a warning for each thing the bundle decides and the configuration says otherwise."""
        sold = self.made.offers.products(self.made.tenant, [offer.product for offer in bundle.offers]).values()
        named, valid_from, count = configuration.product, configuration.valid_from, configuration.number_of_travelers
        ignored = {
            "product_ignored": (named.identifier and all(each.id != named.identifier for each in sold))
            or (named.product_identifier and all(each.parent != named.product_identifier for each in sold)),
            "valid_from_ignored": valid_from and instant(valid_from, self.zone) != bundle.valid_from,
            "number_of_travelers_ignored": count and count != len(self._mapped(bundle)),
        }
        return [ignoring(code, item) for code, so in ignored.items() if so]

    def _searched(
        self,
        configuration: ProductConfigurationIn,
        there: tuple[OrderLine, ...],
        position: int | None,
        item: str | None,
    ) -> TranslatedRequest:
        wanted = self.wanted(configuration, there, item)
        if len(wanted.products) != 1:
            return TranslatedRequest(refusals=[refusing("orderitem_product_incorrect", item)])
        found, refusals = find(self.made, wanted, self.order.number)
        if not found:
            return TranslatedRequest(refusals=refusals)
        # Only what was sent goes along: names that another request brings meanwhile are not overwritten.
        operation = _operation(position, found[0].id, wanted.sent)
        warnings = _contradictions(configuration, item)
        borrows = bool(there) and not configuration.whole
        return TranslatedRequest((operation,), warnings=warnings, read_at=self._read_at(needed=borrows))

    def wanted(
        self, configuration: ProductConfigurationIn, there: tuple[OrderLine, ...], item: str | None
    ) -> OfferQuery:
        """Return what is looked for; what was left out is as on the item."""
        named = configuration.product
        if there and not named.identifier and not named.product_identifier:
            named = named.model_copy(update={"identifier": there[0].product})
        valid_from = instant(configuration.valid_from, self.zone) if configuration.valid_from else None
        known = {each.id: each for each in self._people(there)}
        sent = identified(configuration.traveler, known.values())
        return OfferQuery(
            products=products_named(self.made, named),
            valid_from=valid_from or (there[0].valid_from if there else None),
            zone=self.zone,
            travellers=self._party(configuration, sent, known),
            sent=sent,
            item=item,
        )

    def _party(
        self, configuration: ProductConfigurationIn, sent: tuple[Traveller, ...], known: dict[str, Traveller]
    ) -> tuple[Traveller, ...]:
        """Return who is to travel: those sent, as far as they are known; without any, who travels already."""
        if sent:
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
            return offer_bundles.find(tx, self.made.tenant, [bundle_id]).get(bundle_id)


def _operation(position: int | None, bundle: str, travellers: tuple[Traveller, ...]) -> Operation:
    if position:
        return SetPosition(op="set_position", position=position, offer_bundle_id=bundle, travellers=travellers)
    return AddLines(op="add_lines", offer_bundle_id=bundle, travellers=travellers)


def _contradictions(configuration: ProductConfigurationIn, item: str | None) -> list[ValidationMessage]:
    count = configuration.number_of_travelers
    if configuration.traveler and count not in (None, len(configuration.traveler)):
        return [ignoring("number_of_travelers_ignored", item)]
    return []
