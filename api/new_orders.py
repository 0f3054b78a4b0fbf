"""How an order comes into being: empty on purpose, or with its first change."""

from sqlmodel import Session

from api.parts import ApiParts
from domain.model import Code, Model, Text
from store import numbers
from store.events import EventType, append
from store.tables import ChangeRow, OrderRow


class NewOrder(Model):
    """What an order is made from."""

    currency: str
    external_reference: Text | None = None
    distribution_channel: Code | None = None
    point_of_sale: Text | None = None
    time_zone: str = "UTC"


def make_order(tx: Session, made: ApiParts, wanted: NewOrder, row: ChangeRow, *, empty: bool) -> OrderRow:
    """Make an order in the transaction that writes its request down.

    One that is not made `empty` on purpose is gone again when its first change is refused.
    """
    now = row.created_at
    number = numbers.next_order_number(tx, made.tenant, now)
    by = None if empty else row.id
    head = OrderRow(tenant=made.tenant, number=number, created_at=now, created_by=by, **wanted.model_dump())
    tx.add(head)
    tx.flush()
    append(tx, head, EventType.ORDER_CREATED, row.id, now, {})
    row.order_number = number
    return head
