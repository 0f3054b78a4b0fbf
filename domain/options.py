"""What may be done with each line of an order, and what doing it costs by itself."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from domain.model import Model
from domain.money import Money, included_tax, zero
from domain.offers import Service
from domain.orders import Order, OrderLine, OrderStatus
from domain.products import Product, Supplement


class OptionKind(StrEnum):
    """What may be done with a line."""

    EXCHANGE = "exchange"
    ADD_SUPPLEMENTS = "add_supplements"


class ChangeOption(Model):
    """One thing that may be done, with its fee; a free one has the fee zero."""

    kind: OptionKind
    fee: Money
    tax: Money
    """Inside the fee."""
    supplements: tuple[Supplement, ...] = ()


class LineOptions(Model):
    """What may be done with one line; nothing once its departure has left."""

    line: str
    product: str
    options: tuple[ChangeOption, ...]


def change_options(
    order: Order,
    products: Mapping[str, Product],
    supplements: Mapping[str, Supplement],
    services: Mapping[str, Service],
    now: datetime,
) -> tuple[LineOptions, ...]:
    """Return the options of every line, against the last confirmed version whatever the draft has done.

    Before the first confirmation nothing has a fee. Supplements go with their line.
    """
    if order.status is OrderStatus.CANCELLED:
        return ()
    lines = order.confirmed_lines if order.confirmed_version else order.live_lines
    found = []
    for line in lines:
        if line.supplement_of:
            continue
        left = line.service is not None and services[line.service].departed(now)
        options = () if left else _options(order, line, products.get(line.product), supplements)
        found.append(LineOptions(line=line.id, product=line.product, options=options))
    return tuple(found)


def _options(
    order: Order, line: OrderLine, product: Product | None, supplements: Mapping[str, Supplement]
) -> tuple[ChangeOption, ...]:
    nothing = zero(order.currency)
    fee = line.change_fee if order.confirmed_version else nothing
    exchange = ChangeOption(kind=OptionKind.EXCHANGE, fee=fee, tax=included_tax(fee, line.tax_rate))
    known = [supplements[code] for code in product.supplements if code in supplements] if product else []
    on_top = tuple(each for each in known if not each.changes_seating)
    if not on_top:
        return (exchange,)
    return exchange, ChangeOption(kind=OptionKind.ADD_SUPPLEMENTS, fee=nothing, tax=nothing, supplements=on_top)
