"""Order numbers: two digits of the year and a counter from 100000, shared by all façades, never reused."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col

from store.database.inserts import insert_if_absent
from store.tables import CounterRow

FIRST = 100_000


def next_order_number(tx: Session, tenant: str, now: datetime) -> str:
    """Return the next free order number; it is unique in the whole installation, across tenants."""
    insert_if_absent(tx, CounterRow(tenant=tenant, name="orders", value=FIRST - 1))
    count = update(CounterRow).where(col(CounterRow.name) == "orders").values(value=CounterRow.value + 1)
    value = tx.execute(count.returning(col(CounterRow.value))).scalar_one()
    return f"{now:%y}-{value}"
