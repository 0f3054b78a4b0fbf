"""Seats and units of stock reserved for an order, as their provider reported them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy import bindparam, update
from sqlmodel import Session

from domain.orders import ReservationState
from store.database.inserts import insert_all, table_of
from store.tables import LineRow, OrderRow, ReservationRow

_ROWS, _LINES = table_of(ReservationRow), table_of(LineRow)
_ORDER = bindparam("order", type_=sa.String())
_COUNT = sa.select(sa.func.count()).select_from(_ROWS).where(_ROWS.c.order_number == _ORDER)
_KEPT = ("id", "reference", "state", "service", "coach", "seat", "item", "day")
_COLUMNS = sa.select(*_ROWS.c[_KEPT]).order_by(_ROWS.c.number)
_RESERVED = _COLUMNS.where(_ROWS.c.order_number == _ORDER, _ROWS.c.state != ReservationState.RELEASED)
_HELD = _COLUMNS.where(_ROWS.c.order_number == _ORDER, _ROWS.c.state == ReservationState.HELD)
_FIRST_SHORTENED = sa.select(sa.func.min(_ROWS.c.expires_at)).where(
    _ROWS.c.order_number == _ORDER, _ROWS.c.state == ReservationState.HELD, _ROWS.c.shortened
)
_EVER_UNDER_KEY = _COLUMNS.where(_ROWS.c.key == bindparam("of_key"))
_KEYS = sa.select(_ROWS.c.id, _ROWS.c.key).where(_ROWS.c.id.in_(bindparam("ids", expanding=True)))
_UNDER_KEY = _COLUMNS.where(_ROWS.c.key == bindparam("of_key"), _ROWS.c.state == ReservationState.HELD)
_USED = sa.select(_LINES.c.seats, _LINES.c.units)
_OF_LINES = _USED.where(_LINES.c.order_number == _ORDER, _LINES.c.undone.is_(False))
_LIVE = _OF_LINES.where(_LINES.c.removed_by.is_(None))
_REMOVED = _OF_LINES.where(_LINES.c.removed_by == bindparam("by"))
_ON_LINES = _USED.where(_LINES.c.id.in_(bindparam("ids", expanding=True)))
_SET = update(_ROWS).where(_ROWS.c.id.in_(bindparam("ids", expanding=True)))


class KeptReservation(NamedTuple):
    """A seat, or a unit of a product or supplement, reserved for an order."""

    id: str
    reference: str
    state: str
    service: str | None
    coach: int | None
    seat: int | None
    item: str | None
    day: date | None

    @property
    def place(self) -> str:
        """The service, or the day of a unit without one."""
        return self.service or str(self.day)

    @property
    def seat_name(self) -> str:
        """The name of a seat: "3-07"."""
        return f"{self.coach}-{self.seat:02}"


def record_held(
    tx: Session, order: OrderRow, client: str, key: str, held: Sequence[Mapping[str, Any]], until: datetime
) -> None:
    """Record what is held for a client under a step key, in the order of the plan's wishes.

    A seat is given by its reference, service, coach and seat; a unit by its reference, item, and service or day; each
    with the provider's own end of the hold if it is earlier than `until`.
    """
    first = tx.connection().execute(_COUNT, {"order": order.number}).scalar_one() + 1
    rows = [
        {
            "tenant": order.tenant,
            "order_number": order.number,
            # Seats and units of an order are numbered together.
            "id": f"{order.number}-{'u' if each.get('item') else 's'}{number}",
            "number": number,
            "client": client,
            "key": key,
            "state": ReservationState.HELD,
            "expires_at": _earlier(each.get("until"), until),
            "shortened": _is_shorter(each.get("until"), until),
        }
        | {name: each.get(name) for name in ("reference", "service", "coach", "seat", "item", "day")}
        for number, each in enumerate(held, start=first)
    ]
    insert_all(tx, ReservationRow, rows)


def under_key(tx: Session, key: str) -> list[KeptReservation]:
    """Return what a step holds, in the order in which it was held."""
    return _kept(tx, _UNDER_KEY, {"of_key": key})


def ever_under_key(tx: Session, key: str) -> list[KeptReservation]:
    """Return what a step held and what became of it, in the order in which it was held."""
    return _kept(tx, _EVER_UNDER_KEY, {"of_key": key})


def keys_of(tx: Session, ids: Sequence[str]) -> dict[str, str]:
    """Return the step keys under which reservations are held, by their ids."""
    return {row.id: row.key for row in tx.connection().execute(_KEYS, {"ids": list(ids)})}


def still_held(tx: Session, order: str) -> list[KeptReservation]:
    """Return what an order holds that is not confirmed."""
    return _kept(tx, _HELD, {"order": order})


def record_released(tx: Session, rows: Iterable[KeptReservation]) -> None:
    """Record that seats and units are released."""
    _set(tx, [row.id for row in rows], state=ReservationState.RELEASED, expires_at=None)


def record_confirmed(tx: Session, rows: Iterable[KeptReservation]) -> None:
    """Record that seats and units are confirmed."""
    _set(tx, [row.id for row in rows], state=ReservationState.CONFIRMED, expires_at=None)


def record_reassigned(
    tx: Session, key: str, held: Sequence[tuple[KeptReservation, Mapping[str, Any]]], until: datetime
) -> None:
    """Record other seats and units, held under a step key, for reservations that keep their ids."""
    for row, each in held:
        values = {name: each.get(name) for name in ("reference", "coach", "seat")}
        end = each.get("until")
        _set(tx, [row.id], key=key, expires_at=_earlier(end, until), shortened=_is_shorter(end, until), **values)


def set_expiry(tx: Session, rows: Iterable[KeptReservation], until: datetime, answered: datetime | None = None) -> None:
    """Record the time at which holds expire: that requested, or an earlier one that the provider answered."""
    shortened = _is_shorter(answered, until)
    _set(tx, [row.id for row in rows], expires_at=_earlier(answered, until), shortened=shortened)


def first_shortened(tx: Session, order: str) -> datetime | None:
    """Return the first end of a hold that a provider holds for less time than requested; None without one."""
    end: datetime | None = tx.connection().execute(_FIRST_SHORTENED, {"order": order}).scalar_one()
    return end


def _is_shorter(answered: datetime | None, until: datetime) -> bool:
    return answered is not None and answered < until


def _earlier(answered: datetime | None, until: datetime) -> datetime:
    return until if answered is None else min(answered, until)


def given_up(tx: Session, order: str) -> tuple[str, list[KeptReservation]]:
    """Return an order's tenant, and the seats and units of its confirmed version that its draft gives up."""
    _, removed = at_confirmation(tx, order)
    return tx.get_one(OrderRow, order).tenant, [row for row in removed if row.state == ReservationState.CONFIRMED]


def references(tx: Session, order: str) -> list[str]:
    """Return the references of everything that an order holds or has bought."""
    return [row.reference for row in _kept(tx, _RESERVED, {"order": order})]


def at_confirmation(tx: Session, order: str) -> tuple[list[KeptReservation], list[KeptReservation]]:
    """Return the seats and units of live lines, and the others that the order still has."""
    in_use, reserved = _used_by(tx, _LIVE, {"order": order}), _kept(tx, _RESERVED, {"order": order})
    return [row for row in reserved if row.id in in_use], [row for row in reserved if row.id not in in_use]


def replaced_holds(tx: Session, order: str, change: str) -> list[KeptReservation]:
    """Return the held seats and units of lines that a change removed and that no live line uses.

    Confirmed ones are not among them: they belong to the confirmed version until the draft is confirmed.
    """
    removed = _used_by(tx, _REMOVED, {"order": order, "by": change})
    if not removed:
        return []
    unused = removed - _used_by(tx, _LIVE, {"order": order})
    return [row for row in still_held(tx, order) if row.id in unused]


def of_lines(tx: Session, lines: Sequence[str]) -> set[str]:
    """Return the ids of the seats and units that lines have."""
    return _used_by(tx, _ON_LINES, {"ids": list(lines)}) if lines else set()


def _kept(tx: Session, query: sa.Select[Any], parameters: Mapping[str, str]) -> list[KeptReservation]:
    return [KeptReservation(*row) for row in tx.connection().execute(query, parameters)]


def _used_by(tx: Session, lines: sa.Select[Any], parameters: Mapping[str, object]) -> set[str]:
    used: set[str] = set()
    for seats, units in tx.connection().execute(lines, parameters):
        used.update(each["reservation"] for each in from_json(seats))
        used.update(from_json(units))
    return used


def _set(tx: Session, ids: list[str], **values: object) -> None:
    if ids:
        tx.connection().execute(_SET, values | {"ids": ids})
