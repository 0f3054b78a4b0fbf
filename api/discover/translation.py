"""Translates discover.swiss's order items to our own operations. It has no business rules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from api.context import ApiContext
from api.discover.items import item_number, item_position
from api.discover.messages import ValidationMessage, refusal_message
from api.discover.offers import OfferQuery, find_products, search_bundles
from api.discover.requests import OrderItemIn, ProductConfigurationIn
from api.discover.time_zones import to_utc
from api.discover.travellers import anonymous_travellers, gender_messages, identify_travellers
from api.errors.problems import ProblemError
from api.http.birth_dates import is_possible_birth_date
from domain.changes import Remark
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
    """The operations for a request, or the refusals, and the members that were ignored."""

    operations: tuple[Operation, ...] = ()
    refusals: list[ValidationMessage] = field(default_factory=list)
    ignored: tuple[Remark, ...] = ()
    read_at: tuple[int, ...] | None = None
    """The order's last event if the translation took data from the order; the operations are valid only at it."""


@dataclass(frozen=True)
class RequestTranslator:
    """Translates items for one order, in one time zone."""

    ctx: ApiContext
    order: Order
    zone: str

    def translate_order(self, sent: Sequence[OrderItemIn] | None) -> TranslatedRequest:
        """Translate a whole order: items listed by number, new items, and the removal of all others."""
        if sent is None:
            return TranslatedRequest(refusals=[refusal_message("ordered_item_absent")])
        listed = [(each, item_position(self.order, each.order_item_number or "")) for each in sent]
        if any(each.order_item_number and not position for each, position in listed):
            return TranslatedRequest(refusals=[refusal_message("orderitem_not_found")])
        kept = KeepPositions(op="keep_positions", positions=tuple(position for _, position in listed if position))
        together = self.translate_items(listed)
        return TranslatedRequest((*together.operations, kept), together.refusals, together.ignored, together.read_at)

    def translate_items(self, items: Iterable[tuple[OrderItemIn, int | None]]) -> TranslatedRequest:
        """Translate several items, each at its position or new: all of them or none."""
        translated = [self.translate_item(sent, position) for sent, position in items]
        return TranslatedRequest(
            tuple(operation for each in translated for operation in each.operations),
            [message for each in translated for message in each.refusals],
            tuple(member for each in translated for member in each.ignored),
            read_at=next((each.read_at for each in translated if each.read_at), None),
        )

    def translate_item(self, sent: OrderItemIn, position: int | None) -> TranslatedRequest:
        """Translate an item at a position, or a new one."""
        lines = self._lines_at(position) if position else ()
        item = item_number(self.order, position) if position else None
        configuration = sent.ordered_item
        refusals = [*gender_messages(configuration.traveler, item), *self._birth_date_messages(configuration, item)]
        if sent.order_quantity != 1:
            refusals.append(refusal_message("orderitem_quantity_unsupported", item))
        if refusals:
            return TranslatedRequest(refusals=refusals)
        if sent.offer_bundle_id:
            return self._with_bundle(configuration, sent.offer_bundle_id.lower(), position, item)
        if position and not configuration.names_a_product:
            travellers = identify_travellers(configuration.traveler, self._travellers_of(lines))
            keep = SetPosition(op="set_position", position=position, travellers=travellers)
            return TranslatedRequest((keep,), read_at=self._read_at(needed=configuration.nameless))
        return self._search(configuration, lines, position, item)

    def _lines_at(self, position: int) -> tuple[OrderLine, ...]:
        try:
            return at_position(self.order, position)
        except (LineNotFound, LineRemoved):
            raise ProblemError("ORDER_ITEM_NOT_FOUND") from None

    def _birth_date_messages(self, configuration: ProductConfigurationIn, item: str | None) -> list[ValidationMessage]:
        today = self.ctx.store.now().date()
        invalid = [
            each
            for each in configuration.traveler
            if each.birth_date and not is_possible_birth_date(each.birth_date, today)
        ]
        return [refusal_message("traveler_incorrect_birthdate", item, each.identifier) for each in invalid]

    def _with_bundle(
        self, configuration: ProductConfigurationIn, bundle_id: str, position: int | None, item: str | None
    ) -> TranslatedRequest:
        bundle = self._bundle(bundle_id)
        if bundle is None:
            return TranslatedRequest(refusals=[refusal_message("offer_not_found", item)])
        travellers = identify_travellers(configuration.traveler, self._travellers_in(bundle))
        operation = _operation(position, bundle.id, travellers)
        ignored = self._ignored_members(configuration, bundle, position)
        return TranslatedRequest((operation,), ignored=ignored, read_at=self._read_at(needed=configuration.nameless))

    def _read_at(self, *, needed: bool) -> tuple[int, ...] | None:
        return (self.order.last_event,) if needed else None

    def _ignored_members(
        self, configuration: ProductConfigurationIn, bundle: OfferBundle, position: int | None
    ) -> tuple[Remark, ...]:
        """Return the members of the configuration that contradict the bundle, which prevails."""
        sold = self.ctx.offers.products(self.ctx.tenant, [offer.product for offer in bundle.offers]).values()
        product, valid_from, count = configuration.product, configuration.valid_from, configuration.number_of_travelers
        ignored = {
            "product_ignored": (product.identifier and all(each.id != product.identifier for each in sold))
            or (product.product_identifier and all(each.parent != product.product_identifier for each in sold)),
            "valid_from_ignored": valid_from and to_utc(valid_from, self.zone) != bundle.valid_from,
            "number_of_travelers_ignored": count and count != len(self._travellers_in(bundle)),
        }
        return tuple(Remark(code=code, position=position) for code, contrary in ignored.items() if contrary)

    def _search(
        self,
        configuration: ProductConfigurationIn,
        lines: tuple[OrderLine, ...],
        position: int | None,
        item: str | None,
    ) -> TranslatedRequest:
        query = self.build_query(configuration, lines, item)
        if len(query.products) != 1:
            return TranslatedRequest(refusals=[refusal_message("orderitem_product_incorrect", item)])
        bundles, refusals = search_bundles(self.ctx, query, self.order.number)
        if not bundles:
            return TranslatedRequest(refusals=refusals)
        # Only the details that were sent are passed on, so that names set by a concurrent request are not overwritten.
        operation = _operation(position, bundles[0].id, query.sent)
        ignored = _contradictions(configuration, position)
        reads_order = bool(lines) and not configuration.whole
        return TranslatedRequest((operation,), ignored=ignored, read_at=self._read_at(needed=reads_order))

    def build_query(
        self, configuration: ProductConfigurationIn, lines: tuple[OrderLine, ...], item: str | None
    ) -> OfferQuery:
        """Return the search query; members that were not sent are taken from the item's lines."""
        product = configuration.product
        if lines and not product.identifier and not product.product_identifier:
            product = product.model_copy(update={"identifier": lines[0].product})
        valid_from = to_utc(configuration.valid_from, self.zone) if configuration.valid_from else None
        known = {each.id: each for each in self._travellers_of(lines)}
        sent = identify_travellers(configuration.traveler, known.values())
        return OfferQuery(
            products=find_products(self.ctx, product),
            valid_from=valid_from or (lines[0].valid_from if lines else None),
            zone=self.zone,
            travellers=self._party(configuration, sent, known),
            sent=sent,
            item=item,
        )

    def _party(
        self, configuration: ProductConfigurationIn, sent: tuple[Traveller, ...], known: dict[str, Traveller]
    ) -> tuple[Traveller, ...]:
        """Return the travellers: those sent, completed from the order; if none are sent, those of the item."""
        if sent:
            return tuple(known[each.id].completed_by(each) if each.id in known else each for each in sent)
        count = configuration.number_of_travelers or len(known) or 1
        return tuple(known.values()) if len(known) == count else anonymous_travellers(count)

    def _travellers_of(self, lines: Iterable[OrderLine]) -> list[Traveller]:
        aboard = {each for line in lines for each in line.travellers}
        return [each for each in self.order.travellers if each.id in aboard]

    def _travellers_in(self, bundle: OfferBundle) -> list[Traveller]:
        """Return the travellers of a bundle with the order's details and the bundle's birth dates."""
        known = {each.id: each for each in self.order.travellers}
        offered = [each for offer in bundle.offers for each in offer.travellers]
        pairs = [(known.get(each.id) or Traveller(id=each.id), each.birth_date) for each in offered]
        return [each.model_copy(update={"birth_date": birth}) if birth else each for each, birth in pairs]

    def _bundle(self, bundle_id: str) -> OfferBundle | None:
        if not is_code(bundle_id):
            return None
        with self.ctx.store.read() as tx:
            return offer_bundles.find(tx, self.ctx.tenant, [bundle_id]).get(bundle_id)


def _operation(position: int | None, bundle: str, travellers: tuple[Traveller, ...]) -> Operation:
    if position:
        return SetPosition(op="set_position", position=position, offer_bundle_id=bundle, travellers=travellers)
    return AddLines(op="add_lines", offer_bundle_id=bundle, travellers=travellers)


def _contradictions(configuration: ProductConfigurationIn, position: int | None) -> tuple[Remark, ...]:
    count = configuration.number_of_travelers
    if configuration.traveler and count not in (None, len(configuration.traveler)):
        return (Remark(code="number_of_travelers_ignored", position=position),)
    return ()
