"""An order's head, written at the end of a step: one statement, however often the step has changed it."""

from sqlalchemy import String, bindparam, inspect, update
from sqlmodel import Session

from store.inserts import table_of
from store.tables import OrderRow

_ORDERS = table_of(OrderRow)
_COLUMNS = tuple(column.name for column in _ORDERS.c)
_UPDATE = update(_ORDERS).where(_ORDERS.c.number == bindparam("of_order", type_=String()))


def write(tx: Session, order: OrderRow) -> None:
    """Write what has changed of a head that is locked and not the session's."""
    unmodified = inspect(order).unmodified
    changed = {name: getattr(order, name) for name in _COLUMNS if name not in unmodified}
    if changed:
        tx.connection().execute(_UPDATE, changed | {"of_order": order.number})
