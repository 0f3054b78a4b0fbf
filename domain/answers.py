"""The order as an answer shows it: kept with the outcome of a request, so that a repeated request is answered alike.

Rows of lines, travellers, fees and reservations never change in what they say, so a shown order refers to them. What
does change about them, and what the order's row says, is kept here. It names no traveller: an erasure blanks the rows.
"""

from collections.abc import Iterable, Mapping

from domain.model import Instant, Model
from domain.orders import Order, OrderStatus, ReservationState
from domain.products import Product
from domain.settlement import Payment
from domain.traveller_rules import missing_fields


class TravellerVersion(Model):
    """A traveller's details as one change set them."""

    traveller: str
    added_by: str


class ShownReservation(Model):
    """A reservation's state when the answer was given."""

    id: str
    state: ReservationState
    expires_at: Instant | None


class MissingField(Model):
    """A field that the order requires and a traveller of a line, given by index, lacks."""

    line: str
    traveller: int
    field: str


class ShownCatalogue(Model):
    """What an answer shows of the catalogue: the order's products, and the fields that its travellers lack by them.

    The first answer to a request keeps it: neither a later catalogue nor an erasure changes the answer.
    """

    products: tuple[Product, ...]
    missing: tuple[MissingField, ...]


class ShownOrder(Model):
    """An order at the end of a request, for the answer to that request."""

    status: OrderStatus
    version: int
    confirmed_version: int
    draft_opened_by: str | None
    expires_at: Instant | None
    last_confirmed_at: Instant | None
    last_event: int
    lines: tuple[str, ...]
    """The live lines."""
    versions: tuple[TravellerVersion, ...]
    """The travellers on them."""
    fees: tuple[str, ...]
    reservations: tuple[ShownReservation, ...]
    """Those that were held or confirmed."""
    payments: tuple[Payment, ...]


def shown_order(order: Order, last_confirmed_at: Instant | None, versions: Iterable[TravellerVersion]) -> ShownOrder:
    """Return what an answer keeps of an order; `versions` are those of its travellers in force."""
    aboard = {each.id for each in order.aboard}
    live = [each for each in order.reservations if each.live]
    return ShownOrder(
        status=order.status,
        version=order.version,
        confirmed_version=order.confirmed_version,
        draft_opened_by=order.draft_opened_by,
        expires_at=order.expires_at,
        last_confirmed_at=last_confirmed_at,
        last_event=order.last_event,
        lines=tuple(line.id for line in order.live_lines),
        versions=tuple(each for each in versions if each.traveller in aboard),
        fees=tuple(fee.id for fee in order.fees),
        reservations=tuple(ShownReservation(id=each.id, state=each.state, expires_at=each.expires_at) for each in live),
        payments=order.payments,
    )


def shown_catalogue(order: Order, products: Mapping[str, Product]) -> ShownCatalogue:
    """Return the products of an order's live lines, and the fields that its travellers lack by them."""
    sold = dict.fromkeys(line.product for line in order.live_lines)
    travellers = {each.id: each for each in order.travellers}
    return ShownCatalogue(
        products=tuple(products[each] for each in sold if each in products),
        missing=tuple(
            MissingField(line=line.id, traveller=index, field=name)
            for line in order.live_lines
            for index, name in missing_fields(line, travellers, products.get(line.product), for_order=True)
        ),
    )
