"""Change options: what may be done with each line of an order, and the fee for it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from domain.model import Model
from domain.money import Money, included_tax, zero
from domain.offers import Service
from domain.orders import Order, OrderLine, OrderStatus
from domain.products import Product, Supplement


class OptionKind(StrEnum):
    """The kinds of change options."""

    EXCHANGE = "exchange"
    ADD_SUPPLEMENTS = "add_supplements"


class ChangeOption(Model):
    """One change option with its fee, which may be zero."""

    kind: OptionKind
    fee: Money
    tax: Money
    """The tax included in the fee."""
    supplements: tuple[Supplement, ...] = ()


class LineOptions(Model):
    """The change options of one line; none once its service has departed."""

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
    """Return the options of every line of the last confirmed version, independent of the draft.

    Before the first confirmation no option has a fee. Supplements have no options of their own.
    """
    if order.status is OrderStatus.CANCELLED:
        return ()
    lines = order.confirmed_lines if order.confirmed_version else order.live_lines
    options_of_lines = []
    for line in lines:
        if line.supplement_of:
            continue
        departed = line.service is not None and services[line.service].departed(now)
        options = () if departed else _options(order, line, products.get(line.product), supplements)
        options_of_lines.append(LineOptions(line=line.id, product=line.product, options=options))
    return tuple(options_of_lines)


def _options(
    order: Order, line: OrderLine, product: Product | None, supplements: Mapping[str, Supplement]
) -> tuple[ChangeOption, ...]:
    nothing = zero(order.currency)
    fee = line.terms.change_fee if order.confirmed_version else nothing
    exchange = ChangeOption(kind=OptionKind.EXCHANGE, fee=fee, tax=included_tax(fee, line.tax_rate))
    known = [supplements[code] for code in product.supplements if code in supplements] if product else []
    on_top = tuple(each for each in known if not each.changes_seating)
    if not on_top:
        return (exchange,)
    return exchange, ChangeOption(kind=OptionKind.ADD_SUPPLEMENTS, fee=nothing, tax=nothing, supplements=on_top)
