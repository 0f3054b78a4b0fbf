"""The money that providers were asked to move without their answer.

An authorisation at an external provider is STARTED until the provider has answered, and its undo WITHDRAWING until the
provider has agreed. Of a settlement or a reversal each move is STARTED by itself.
"""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, String, bindparam, literal_column
from sqlmodel import Session

from domain.money import Money, total
from domain.risk import MoveUnderWay, moving_beyond
from store.database.inserts import table_of
from store.tables import MoveRow, PaymentRow, StepRecordRow

_RECORDS, _PAYMENTS, _MOVES = table_of(StepRecordRow), table_of(PaymentRow), table_of(MoveRow)
_ORDER = bindparam("order", type_=String())


def _in_state(table: sa.Table, state: str, *conditions: ColumnElement[bool]) -> sa.Select[Any]:
    """Return the money of a table's rows in a state; whether it is reversible depends on the table."""
    columns = table.c["order_number", "key", "amount_minor", "currency"]
    # The state is a literal: SQLite uses a partial index only if the query repeats its condition literally.
    in_state = table.c.state == literal_column(f"'{state}'")
    return sa.select(*columns, sa.literal(table is _RECORDS).label("reversible")).where(in_state, *conditions)


_AUTHORISES = (_RECORDS.c.undo.is_not(None), _RECORDS.c.amount_minor.is_not(None))
_UNDER_WAY = sa.union_all(
    _in_state(_RECORDS, "started", *_AUTHORISES),
    _in_state(_RECORDS, "withdrawing", *_AUTHORISES),
    _in_state(_MOVES, "started"),
).subquery()
_OF_ORDER = sa.union_all(
    _in_state(_RECORDS, "started", *_AUTHORISES, _RECORDS.c.order_number == _ORDER),
    _in_state(_RECORDS, "withdrawing", *_AUTHORISES, _RECORDS.c.order_number == _ORDER),
    _in_state(_MOVES, "started", _MOVES.c.order_number == _ORDER),
)
_WITH_OPEN = sa.select(*_UNDER_WAY.c, _PAYMENTS.c.key.label("payment"), _PAYMENTS.c.authorised_minor).select_from(
    _UNDER_WAY.outerjoin(_PAYMENTS, sa.and_(_PAYMENTS.c.order_number == _UNDER_WAY.c.order_number, _PAYMENTS.c.open))
)


def of_order(tx: Session, order: str) -> list[MoveUnderWay]:
    """Return the money of an order that is under way."""
    return [_move(row) for row in tx.connection().execute(_OF_ORDER, {"order": order})]


def beyond_authorised(tx: Session) -> Iterator[Money]:
    """Yield for each order the money under way that is not part of its open authorisations."""
    rows = sorted(tx.connection().execute(_WITH_OPEN), key=attrgetter("order_number"))
    for _, grouped in groupby(rows, attrgetter("order_number")):
        of_order = list(grouped)
        currency = of_order[0].currency
        open_payments = {row.payment: row.authorised_minor for row in of_order if row.payment is not None}
        known = total((Money(minor, currency) for minor in open_payments.values()), currency)
        yield moving_beyond(known, open_payments, list({row.key: _move(row) for row in of_order}.values()))


def _move(row: Any) -> MoveUnderWay:
    amount = Money(row.amount_minor, row.currency)
    return MoveUnderWay(key=row.key, amount=amount, reversible=bool(row.reversible))
