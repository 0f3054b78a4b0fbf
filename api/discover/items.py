"""Order items in discover.swiss's format. An item is all lines of an order at one position."""

import re
from collections.abc import Sequence
from decimal import Decimal

from pydantic import Field

from api.discover.json_format import Exact, ResponseModel, francs, number
from api.discover.messages import ValidationMessage, missing_message
from api.discover.products import ProductOut, product_out
from api.discover.time_zones import utc
from api.discover.views import OrderView
from api.errors.problems import ProblemError
from domain.money import Money
from domain.orders import Order, OrderLine, OrderStatus
from domain.travellers import Traveller

_NUMBER = re.compile(r"[1-9]\d{0,8}", re.ASCII)


class TravelerOut(ResponseModel):
    """A traveller of an item, with their price."""

    price_chf: Exact | None = Field(default=None, serialization_alias="priceCHF")
    identifier: str
    salutation: str | None = None
    gender: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    birth_date: str | None = None
    nationality: str | None = None
    passport: str | None = None


class ConfigurationOut(ResponseModel):
    """The product of an item, the start of its validity, and its travellers."""

    product: ProductOut
    valid_from: str
    traveler: list[TravelerOut]


class OrderItemOut(ResponseModel):
    """An order item. Its number never changes."""

    order_item_number: str
    order_item_status: str = Field(examples=["Placed", "ValidationError", "Checkout"])
    order_quantity: int = 1
    ordered_item: ConfigurationOut
    order_delivery: str = "e-ticket"
    amount: Exact
    amount_chf: Exact = Field(serialization_alias="amountCHF")
    tax_rate: Exact = Field(description="The tax amount: discover.swiss uses this member for it.")
    tax_chf: Exact = Field(serialization_alias="taxCHF", description="amount x rate, as discover.swiss calculates it.")
    tax_included_chf: Exact = Field(
        serialization_alias="taxIncludedCHF", description="The tax actually included in amount."
    )
    ticket: tuple[str, ...] = ()
    offer_bundle_id: str | None = None


class OrderItemUpdateResponse(ResponseModel):
    """The state of an item after a request, null if there is none, and validation messages about it."""

    order_item: OrderItemOut | None
    validation_messages: list[ValidationMessage]


def item_number(order: Order, position: int) -> str:
    """Return the number of the item at a position."""
    return f"{order.number}-{position}"


def parse_item_number(order: str, item: str) -> int:
    """Return the position in an item's number; the item itself need not exist.

    Raises ORDER_ITEM_NOT_FOUND for text that cannot be a number of an item of this order.
    """
    position = item.removeprefix(f"{order}-")
    if position == item or not _NUMBER.fullmatch(position):
        raise ProblemError("ORDER_ITEM_NOT_FOUND")
    return int(position)


def item_position(order: Order, item: str) -> int | None:
    """Return the position of an existing item of this order; None for any other number."""
    return {item_number(order, position): position for position in positions(order)}.get(item)


def positions(order: Order) -> list[int]:
    """Return the positions of all items of an order, ascending."""
    return sorted({line.position for line in order.live_lines})


def item_messages(view: OrderView, position: int) -> list[ValidationMessage]:
    """Return one message for each missing field of each traveller of an item."""
    missing_by_traveller = dict.fromkeys(
        (line.travellers[index], name)
        for line in _lines(view.order, position)
        for index, name in view.missing.get(line.id, ())
    )
    item = item_number(view.order, position)
    return [missing_message(item, traveller, name) for traveller, name in missing_by_traveller]


def item_out(view: OrderView, position: int) -> OrderItemOut:
    """Return the item at a position in discover.swiss's format."""
    order, lines = view.order, _lines(view.order, position)
    first = next((line for line in lines if not line.supplement_of), lines[0])
    amount, tax = order.sum(line.price for line in lines), sum(map(_tax, lines), Decimal(0))
    configuration = ConfigurationOut(
        product=product_out(first.product, first.tax_rate, view.products.get(first.product)),
        valid_from=utc(first.valid_from),
        traveler=_travellers(view, lines),
    )
    return OrderItemOut(
        order_item_number=item_number(order, position),
        order_item_status=_status(order, item_messages(view, position)),
        ordered_item=configuration,
        amount=francs(amount),
        amount_chf=francs(amount),
        tax_rate=number(tax),
        tax_chf=number(tax),
        tax_included_chf=francs(order.sum(line.tax for line in lines)),
        offer_bundle_id=_single_bundle(lines),
    )


def _lines(order: Order, position: int) -> list[OrderLine]:
    return [line for line in order.live_lines if line.position == position]


def _status(order: Order, messages: Sequence[ValidationMessage]) -> str:
    if messages:
        return "ValidationError"
    return "Checkout" if order.status is OrderStatus.EXPIRED else "Placed"


def _tax(line: OrderLine) -> Decimal:
    """Return tax as discover.swiss calculates it: on top of the amount, although the amount includes it."""
    return francs(line.price) * line.tax_rate


def _single_bundle(lines: Sequence[OrderLine]) -> str | None:
    """Return the bundle from which all lines of an item were sold; None if there are several."""
    bundles = {line.offer_bundle for line in lines if not line.supplement_of}
    return bundles.pop() if len(bundles) == 1 else None


def _travellers(view: OrderView, lines: Sequence[OrderLine]) -> list[TravelerOut]:
    known = {each.id: each for each in view.order.travellers}
    prices: dict[str, Money | None] = {}
    for line in lines:
        product = view.products.get(line.product)
        for each in line.travellers:
            # The price of a group belongs to the line, not to single travellers.
            own = None if product and product.group else line.price
            earlier = prices.get(each)
            prices[each] = earlier + own if earlier and own else own or earlier
    return [_traveller(known[each], price) for each, price in prices.items()]


def _traveller(traveller: Traveller, price: Money | None) -> TravelerOut:
    return TravelerOut(
        price_chf=francs(price) if price else None,
        identifier=traveller.id,
        salutation=traveller.salutation and traveller.salutation.capitalize(),
        gender=traveller.gender and traveller.gender.capitalize(),
        given_name=traveller.given_name,
        family_name=traveller.family_name,
        birth_date=f"{traveller.birth_date}T00:00:00" if traveller.birth_date else None,
        nationality=traveller.nationality,
        passport=traveller.passport,
    )
