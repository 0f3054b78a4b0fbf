"""Response models for change options in Entur's format."""

from pydantic import Field

from api.entur.orders_schema import PriceWithTax, price
from api.entur.responses import ResponseModel
from domain.options import ChangeOption, LineOptions, OptionKind
from domain.orders import Order, OrderLine


class SpecifiedProduct(ResponseModel):
    """A product that an option offers."""

    id: str
    names: list[dict[str, str]]
    price: PriceWithTax


class OptionOut(ResponseModel):
    """One thing a client may do with a line; without `fee` it is free."""

    id: str
    version: str = Field(
        description="Confirmed version of the order that the option refers to; 0 before the first confirmation."
    )
    types: list[OptionKind]
    specified_products: list[SpecifiedProduct]
    fee: PriceWithTax | None = None


class OrderLineOptions(ResponseModel):
    """The change options of one line."""

    order_line_id: str
    options: list[OptionOut]


class ChangeOptionOut(ResponseModel):
    """The change options of an order."""

    order_id: str
    order_line_options: list[OrderLineOptions]


def options_out(order: Order, lines: tuple[LineOptions, ...]) -> ChangeOptionOut:
    """Return the change options of an order."""
    sold = {line.id: line for line in order.lines}
    line_options = [
        OrderLineOptions(
            order_line_id=line.line, options=[_option(order, sold[line.line], each) for each in line.options]
        )
        for line in lines
    ]
    return ChangeOptionOut(order_id=order.number, order_line_options=line_options)


def _option(order: Order, line: OrderLine, option: ChangeOption) -> OptionOut:
    supplements = [
        SpecifiedProduct(id=each.id, names=[{"lang": "en", "value": each.name}], price=price(each.price, each.tax_rate))
        for each in option.supplements
    ]
    fee = price(option.fee, line.tax_rate) if option.fee.minor else None
    version = str(order.confirmed_version)
    return OptionOut(
        id=f"{line.id}:{option.kind}", version=version, types=[option.kind], specified_products=supplements, fee=fee
    )
