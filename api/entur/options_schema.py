"""Change options as Entur's clients read them."""

from pydantic import Field

from api.entur.orders_schema import PriceWithTax, price
from api.entur.responses import ResponseModel
from domain.options import ChangeOption, LineOptions, OptionKind
from domain.orders import Order, OrderLine


class SpecifiedProduct(ResponseModel):
    """A product an option is about."""

    id: str
    names: list[dict[str, str]]
    price: PriceWithTax


class OptionOut(ResponseModel):
    """What may be done; without a fee it is free."""

    id: str
    version: str = Field(description="The confirmed version it is against; 0 before the first confirmation.")
    types: list[OptionKind]
    specified_products: list[SpecifiedProduct]
    fee: PriceWithTax | None = None


class OrderLineOptions(ResponseModel):
    """The options of one line."""

    order_line_id: str
    options: list[OptionOut]


class ChangeOptionOut(ResponseModel):
    """The options of an order."""

    order_id: str
    order_line_options: list[OrderLineOptions]


def options_out(order: Order, lines: tuple[LineOptions, ...]) -> ChangeOptionOut:
    """Return the change options of an order."""
    sold = {line.id: line for line in order.lines}
    found = [
        OrderLineOptions(
            order_line_id=line.line, options=[_option(order, sold[line.line], each) for each in line.options]
        )
        for line in lines
    ]
    return ChangeOptionOut(order_id=order.number, order_line_options=found)


def _option(order: Order, line: OrderLine, option: ChangeOption) -> OptionOut:
    on_top = [
        SpecifiedProduct(id=s.id, names=[{"lang": "en", "value": s.name}], price=price(s.price, s.tax_rate))
        for s in option.supplements
    ]
    fee = price(option.fee, line.tax_rate) if option.fee.minor else None
    version = str(order.confirmed_version)
    return OptionOut(
        id=f"{line.id}:{option.kind}", version=version, types=[option.kind], specified_products=on_top, fee=fee
    )
