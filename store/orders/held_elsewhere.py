"""Finds what an inventory answers although an order of ours already has it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlmodel import Session

from domain.orders import ReservationState
from store.database.column_types import UtcDateTime
from store.database.inserts import table_of
from store.tables import OrderRow, ReservationRow, StepRecordRow
from temporal.names import StepName

_ROWS, _RECORDS = table_of(ReservationRow), table_of(StepRecordRow)
_RELEASING = (StepName.CONFIRM_SEATS, StepName.RELEASE_REPLACED_SEATS, StepName.RESEAT)
"""The steps at the inventory that let go of seats by reference; while one is under way, another order may have them."""


class Position(NamedTuple):
    """A seat of a service."""

    service: str
    coach: int
    seat: int


def _statement() -> sa.Select[Any]:
    under_way = sa.select(_RECORDS.c.key).where(
        _RECORDS.c.order_number == _ROWS.c.order_number,
        _RECORDS.c.step.in_([str(each) for each in _RELEASING]),
        _RECORDS.c.state == "started",
    )
    undoing = sa.select(_RECORDS.c.key).where(_RECORDS.c.key == _ROWS.c.key, _RECORDS.c.state == "withdrawing")
    of_order = _ROWS.c.order_number == bindparam("of_order", type_=sa.String())
    kept = (_ROWS.c.state == ReservationState.CONFIRMED) | (_ROWS.c.expires_at > bindparam("now", type_=UtcDateTime()))
    seats = sa.tuple_(_ROWS.c.service, _ROWS.c.coach, _ROWS.c.seat).in_(bindparam("seats", expanding=True))
    services = _ROWS.c.service.in_(bindparam("services", expanding=True))
    return sa.select(_ROWS.c.id).where(
        _ROWS.c.tenant == bindparam("of_tenant"),
        _ROWS.c.reference.in_(bindparam("references", expanding=True)) | (services & seats),
        _ROWS.c.state != ReservationState.RELEASED,
        _ROWS.c.key != bindparam("own_key"),
        _ROWS.c.id.not_in(bindparam("leaving", expanding=True)),
        kept,
        of_order | ~under_way.exists(),
        ~undoing.exists(),
    )


_HELD_ELSEWHERE = _statement()


def is_held_elsewhere(
    tx: Session,
    order: OrderRow,
    key: str,
    references: Collection[str],
    seats: Collection[Position],
    leaving: Collection[str],
    now: datetime,
) -> bool:
    """Whether an order of the tenant has one of these references or seats already, other than under this step's key.

    What is being let go of does not count: what is overdue, what an undo releases, what other orders confirm or replace
    at the moment, and the reservations `leaving`, which an order gives up for the answer. The inventory may have given
    it away before our rows say so.
    """
    parameters = {
        "of_tenant": order.tenant,
        "of_order": order.number,
        "own_key": key,
        "references": list(references),
        "services": sorted({each.service for each in seats}),
        "seats": [tuple(each) for each in seats],
        "leaving": list(leaving),
        "now": now,
    }
    return tx.connection().execute(_HELD_ELSEWHERE, parameters).first() is not None
