"""Orders in discover.swiss's format."""

from decimal import Decimal

from pydantic import Field

from api.discover.items import OrderItemOut, item_messages, item_out, positions
from api.discover.json_format import Exact, ResponseModel, francs, number
from api.discover.messages import ValidationMessage
from api.discover.time_zones import utc
from api.discover.views import OrderView
from domain.orders import Order, OrderStatus


class OrderOut(ResponseModel):
    """The current state of an order."""

    order_number: str
    order_date: str
    order_status: str = Field(examples=["New", "Checkout", "Placed", "Paid", "Expired", "Canceled"])
    price_currency: str
    total_amount: Exact
    total_amount_chf: Exact = Field(serialization_alias="totalAmountCHF")
    total_tax_chf: Exact = Field(serialization_alias="totalTaxCHF", description="The sum of the items' taxCHF.")
    total_tax_included_chf: Exact = Field(
        serialization_alias="totalTaxIncludedCHF", description="The tax actually included in totalAmount."
    )
    expires_at: str | None = Field(default=None, description="When the order's holds are released unless it is paid.")
    ordered_item: list[OrderItemOut]


class OrderUpdateResponse(ResponseModel):
    """The state of an order after a request, and validation messages about it."""

    order: OrderOut
    validation_messages: list[ValidationMessage]


def order_out(view: OrderView) -> OrderOut:
    """Return an order in discover.swiss's format."""
    order = view.order
    items = [item_out(view, position) for position in positions(order)]
    return OrderOut(
        order_number=order.number,
        order_date=utc(view.created_at),
        order_status=_status(order, items),
        price_currency=order.currency,
        total_amount=francs(order.due),
        total_amount_chf=francs(order.due),
        total_tax_chf=number(sum((item.tax_chf for item in items), Decimal(0))),
        total_tax_included_chf=francs(order.tax),
        expires_at=utc(order.expires_at) if order.expires_at else None,
        ordered_item=items,
    )


def order_messages(view: OrderView) -> list[ValidationMessage]:
    """Return messages about the missing fields of all items."""
    return [each for position in positions(view.order) for each in item_messages(view, position)]


def _status(order: Order, items: list[OrderItemOut]) -> str:
    """Return discover.swiss's status; a draft that was never confirmed is New, Checkout or Placed."""
    if order.status is OrderStatus.CANCELLED:
        return "Canceled"
    if order.confirmed_version:
        return "Paid"
    if order.status is OrderStatus.EXPIRED:
        return "Expired"
    if not items:
        return "New"
    return "Placed" if all(item.order_item_status == "Placed" for item in items) else "Checkout"
