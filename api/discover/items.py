"""Order items as discover.swiss's clients read them: the lines that share a position."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from pydantic import Field

from api.discover.json_format import Exact, ResponseModel, francs, number
from api.discover.messages import ValidationMessage, missing
from api.discover.products import ProductOut, product_out
from api.discover.time_zones import utc
from api.errors.problems import ProblemError
from domain.lineage import position_of
from domain.money import Money
from domain.orders import Order, OrderLine, OrderStatus
from domain.products import Product
from domain.traveller_rules import missing_fields
from domain.travellers import Traveller

Products = Mapping[str, Product]
_NUMBER = re.compile(r"[1-9]\d{0,8}", re.ASCII)


class TravelerOut(ResponseModel):
    """Who travels, and what they pay."""

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
    """What was ordered, from when, for whom."""

    product: ProductOut
    valid_from: str
    traveler: list[TravelerOut]


class OrderItemOut(ResponseModel):
    """An item, its number kept through every update."""

    order_item_number: str
    order_item_status: str = Field(examples=["Placed", "ValidationError", "Checkout"])
    order_quantity: int = 1
    ordered_item: ConfigurationOut
    order_delivery: str = "e-ticket"
    amount: Exact
    amount_chf: Exact = Field(serialization_alias="amountCHF")
    tax_rate: Exact = Field(description="The tax amount, as discover.swiss has it here.")
    tax_chf: Exact = Field(serialization_alias="taxCHF", description="amount x rate, as discover.swiss computes it.")
    tax_included_chf: Exact = Field(serialization_alias="taxIncludedCHF", description="The tax really inside amount.")
    ticket: tuple[str, ...] = ()
    offer_bundle_id: str | None = None


class OrderItemUpdateResponse(ResponseModel):
    """An item as it stands after a request, null when there is none, and what to know about it."""

    order_item: OrderItemOut | None
    validation_messages: list[ValidationMessage]


def item_number(order: Order, position: int) -> str:
    """Return the number of the item at a position."""
    return f"{order.number}-{position}"


def numbered(order: str, item: str) -> int:
    """Return the position an item's number names, whether there is one or not.

    Raises ORDER_ITEM_NOT_FOUND for what cannot be an item of this order.
    """
    position = item.removeprefix(f"{order}-")
    if position == item or not _NUMBER.fullmatch(position):
        raise ProblemError("ORDER_ITEM_NOT_FOUND")
    return int(position)


def item_position(order: Order, item: str) -> int | None:
    """Return the position of an item of this order that there is; None for any other number."""
    return {item_number(order, position): position for position in positions(order)}.get(item)


def positions(order: Order) -> list[int]:
    """Return the positions of all items there are."""
    return sorted({position_of(order, line) for line in order.live_lines})


def item_messages(order: Order, position: int, products: Products) -> list[ValidationMessage]:
    """Return one message for each field of each traveller that an item still lacks."""
    known = {each.id: each for each in order.travellers}
    lacking = dict.fromkeys(
        (line.travellers[place], name)
        for line in _lines(order, position)
        for place, name in missing_fields(line, known, products.get(line.product), for_order=True)
    )
    return [missing(item_number(order, position), traveller, name) for traveller, name in lacking]


def item_out(order: Order, position: int, products: Products) -> OrderItemOut:
    """Return an item as it goes over the wire."""
    lines = _lines(order, position)
    first = next((line for line in lines if not line.supplement_of), lines[0])
    amount, tax = order.sum(line.price for line in lines), sum(map(_tax, lines), Decimal(0))
    configuration = ConfigurationOut(
        product=product_out(first.product, first.tax_rate, products.get(first.product)),
        valid_from=utc(first.valid_from),
        traveler=_travellers(order, lines, products),
    )
    return OrderItemOut(
        order_item_number=item_number(order, position),
        order_item_status=_status(order, item_messages(order, position, products)),
        ordered_item=configuration,
        amount=francs(amount),
        amount_chf=francs(amount),
        tax_rate=number(tax),
        tax_chf=number(tax),
        tax_included_chf=francs(order.sum(line.tax for line in lines)),
        offer_bundle_id=_the_bundle(lines),
    )


def _lines(order: Order, position: int) -> list[OrderLine]:
    return [line for line in order.live_lines if position_of(order, line) == position]


def _status(order: Order, messages: Sequence[ValidationMessage]) -> str:
    if messages:
        return "ValidationError"
    return "Checkout" if order.status is OrderStatus.EXPIRED else "Placed"


def _tax(line: OrderLine) -> Decimal:
    """Return tax as discover.swiss computes it: on top of the amount, although it is inside."""
    return francs(line.price) * line.tax_rate


def _the_bundle(lines: Sequence[OrderLine]) -> str | None:
    """Return the bundle all of an item was sold by, if it is one."""
    found = {line.offer_bundle for line in lines if not line.supplement_of}
    return found.pop() if len(found) == 1 else None


def _travellers(order: Order, lines: Sequence[OrderLine], products: Products) -> list[TravelerOut]:
    known = {each.id: each for each in order.travellers}
    prices: dict[str, Money | None] = {}
    for line in lines:
        product = products.get(line.product)
        for each in line.travellers:
            # A group's price is the line's, not one of its travellers'.
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
