"""Counts what is held and not sold, of one draft and of all drafts of a client: seats, and units at each place."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy import String, bindparam, literal_column
from sqlmodel import Session

from domain.planning.plan import Plan
from store.database.column_types import UtcDateTime
from store.database.inserts import table_of
from store.tables import ChangeRow, ClientRow, ReservationRow, StepRecordRow

Place = tuple[str | None, str | None, date | None]
"""An item, and the service or day; for seats, SEATS."""
SEATS: Place = (None, None, None)
"""All seats are counted together; units of each item by themselves, on each service and day."""
_UNITS = TypeAdapter(list[tuple[str | None, str | None, date | None, int]])

_HELD, _RECORDS, _CHANGES = table_of(ReservationRow), table_of(StepRecordRow), table_of(ChangeRow)
_CLIENTS = table_of(ClientRow)
_CLIENT = bindparam("client", type_=String())
_PLACE = (_HELD.c.item, sa.case((_HELD.c.item.is_not(None), _HELD.c.service)), _HELD.c.day)
# Run for every change that reserves something, so built once. States are literals: SQLite uses a partial index only if
# the query repeats its condition literally.
_COUNT = (
    sa.select(*_PLACE, sa.func.count())
    .where(_HELD.c.state == literal_column("'held'"), _HELD.c.expires_at > bindparam("now", type_=UtcDateTime()))
    .where(_HELD.c.id.not_in(bindparam("excluding", expanding=True)))
    .group_by(*_PLACE)
)
_OF_ORDER = _COUNT.where(_HELD.c.order_number == bindparam("order", type_=String()))
_OF_CLIENT = _COUNT.where(_HELD.c.client == _CLIENT)
_LOCK_CLIENT = sa.select(_CLIENTS.c.id).where(_CLIENTS.c.id == _CLIENT).with_for_update(key_share=True)
_IN_PROGRESS = (
    sa.select(_RECORDS.c.units)
    .join(_CHANGES, _CHANGES.c.id == _RECORDS.c.change)
    .where(_RECORDS.c.state == literal_column("'started'"), _RECORDS.c.units.is_not(None))
    .where(_CHANGES.c.client == _CLIENT, _RECORDS.c.key != bindparam("excluding"))
)


def of_plan(plan: Plan) -> Counter[Place]:
    """Return how many seats and units a plan holds."""
    counts = Counter({SEATS: sum(wish.count for wish in plan.seats)})
    for wish in plan.stock:
        counts[wish.item, wish.service, wish.day] += len(wish.lines)
    return +counts


def as_units(counts: Counter[Place]) -> str:
    """Return counts as a step's record has them: a list of item, service, day and count."""
    return _UNITS.dump_json([(*place, count) for place, count in counts.items()]).decode()


def of_units(units: str) -> Counter[Place]:
    """Return the counts in a step's record."""
    return Counter({(item, service, day): count for item, service, day, count in _UNITS.validate_json(units)})


def of_order(tx: Session, order: str, now: datetime, excluding: Collection[str]) -> Counter[Place]:
    """Return how many seats and units an order holds, except some reservations."""
    return _counted(tx, _OF_ORDER, {"order": order, "now": now, "excluding": list(excluding)})


def of_client(tx: Session, client: str, now: datetime, excluding: Collection[str]) -> Counter[Place]:
    """Return how many seats and units a client's changes hold, except some reservations."""
    return _counted(tx, _OF_CLIENT, {"client": client, "now": now, "excluding": list(excluding)})


def in_progress(tx: Session, client: str, excluding: str) -> Counter[Place]:
    """Return what a client's other changes have requested from a provider that has not answered yet."""
    units = tx.connection().execute(_IN_PROGRESS, {"client": client, "excluding": excluding}).scalars()
    return sum((of_units(each) for each in units), Counter())


def lock_client(tx: Session, client: str) -> None:
    """Lock a client, so that its changes are counted one after the other: the next waits for this transaction's end."""
    tx.connection().execute(_LOCK_CLIENT, {"client": client}).one_or_none()


def _counted(tx: Session, query: sa.Select[Any], parameters: Mapping[str, object]) -> Counter[Place]:
    rows = tx.connection().execute(query, parameters)
    return Counter({(item, service, day): count for item, service, day, count in rows})
