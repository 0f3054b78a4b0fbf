"""Counts held seats that are not sold: of one draft, and of all drafts of a client."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy import String, bindparam, literal_column
from sqlmodel import Session

from store.database.column_types import UtcDateTime
from store.database.inserts import table_of
from store.tables import ChangeRow, ClientRow, ReservationRow, StepRecordRow

_SEATS, _RECORDS, _CHANGES = table_of(ReservationRow), table_of(StepRecordRow), table_of(ChangeRow)
_CLIENTS = table_of(ClientRow)
_CLIENT = bindparam("client", type_=String())
# Run for every change that reserves seats, so built once. States are literals: SQLite uses a partial index only if
# the query repeats its condition literally.
_COUNT = (
    sa.select(sa.func.count())
    .select_from(_SEATS)
    .where(_SEATS.c.state == literal_column("'held'"), _SEATS.c.expires_at > bindparam("now", type_=UtcDateTime()))
    .where(_SEATS.c.id.not_in(bindparam("excluding", expanding=True)))
)
_OF_ORDER = _COUNT.where(_SEATS.c.order_number == bindparam("order", type_=String()))
_OF_CLIENT = _COUNT.where(_SEATS.c.client == _CLIENT)
_LOCK_CLIENT = sa.select(_CLIENTS.c.id).where(_CLIENTS.c.id == _CLIENT).with_for_update(key_share=True)
_IN_PROGRESS = (
    sa.select(_RECORDS.c.command)
    .join(_CHANGES, _CHANGES.c.id == _RECORDS.c.change)
    .where(_RECORDS.c.state == literal_column("'started'"), _RECORDS.c.step == bindparam("step"))
    .where(_CHANGES.c.client == _CLIENT, _RECORDS.c.key != bindparam("excluding"))
)


def of_order(tx: Session, order: str, now: datetime, excluding: Collection[str]) -> int:
    """Return how many seats an order holds, except some reservations."""
    return _counted(tx, _OF_ORDER, {"order": order, "now": now, "excluding": list(excluding)})


def of_client(tx: Session, client: str, now: datetime, excluding: Collection[str]) -> int:
    """Return how many seats a client's changes hold, except some reservations."""
    return _counted(tx, _OF_CLIENT, {"client": client, "now": now, "excluding": list(excluding)})


def in_progress(tx: Session, client: str, step: str, excluding: str) -> int:
    """Return how many seats a client's other changes have requested from a provider that has not answered yet."""
    commands = tx.connection().execute(_IN_PROGRESS, {"client": client, "step": step, "excluding": excluding})
    return sum(from_json(command)["seats"] for (command,) in commands)


def lock_client(tx: Session, client: str) -> None:
    """Lock a client, so that its changes are counted one after the other: the next waits for this transaction's end."""
    tx.connection().execute(_LOCK_CLIENT, {"client": client}).one_or_none()


def _counted(tx: Session, query: sa.Select[Any], parameters: Mapping[str, object]) -> int:
    count: int = tx.connection().execute(query, parameters).scalar_one()
    return count
