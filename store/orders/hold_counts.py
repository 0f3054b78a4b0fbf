"""How many seats are held without being sold: by a draft, and by all drafts of a client."""

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

_SEATS, _EFFECTS, _CHANGES = table_of(ReservationRow), table_of(StepRecordRow), table_of(ChangeRow)
_CLIENTS = table_of(ClientRow)
_CLIENT = bindparam("client", type_=String())
# Run for every change that wants seats. Literals: SQLite takes a partial index for nothing else.
_COUNT = (
    sa.select(sa.func.count())
    .select_from(_SEATS)
    .where(_SEATS.c.state == literal_column("'held'"), _SEATS.c.expires_at > bindparam("now", type_=UtcDateTime()))
    .where(_SEATS.c.id.not_in(bindparam("but", expanding=True)))
)
_OF_ORDER = _COUNT.where(_SEATS.c.order_number == bindparam("order", type_=String()))
_OF_CLIENT = _COUNT.where(_SEATS.c.client == _CLIENT)
_TURN = sa.select(_CLIENTS.c.id).where(_CLIENTS.c.id == _CLIENT).with_for_update(key_share=True)
_UNDER_WAY = (
    sa.select(_EFFECTS.c.command)
    .join(_CHANGES, _CHANGES.c.id == _EFFECTS.c.change)
    .where(_EFFECTS.c.state == literal_column("'started'"), _EFFECTS.c.step == bindparam("step"))
    .where(_CHANGES.c.client == _CLIENT, _EFFECTS.c.key != bindparam("but"))
)


def of_order(tx: Session, order: str, now: datetime, but: Collection[str]) -> int:
    """Return how many seats an order holds, some not counted."""
    return _counted(tx, _OF_ORDER, {"order": order, "now": now, "but": list(but)})


def of_client(tx: Session, client: str, now: datetime, but: Collection[str]) -> int:
    """Return how many seats a client's changes hold, some not counted."""
    return _counted(tx, _OF_CLIENT, {"client": client, "now": now, "but": list(but)})


def under_way(tx: Session, client: str, step: str, but: str) -> int:
    """Return for how many seats a client's other changes have a provider asked that has not answered yet."""
    commands = tx.connection().execute(_UNDER_WAY, {"client": client, "step": step, "but": but})
    return sum(from_json(command)["seats"] for (command,) in commands)


def wait_for_turn(tx: Session, client: str) -> None:
    """Let a client's changes be counted one after the other: the next waits until this transaction ends."""
    tx.connection().execute(_TURN, {"client": client}).one_or_none()


def _counted(tx: Session, query: sa.Select[Any], of: Mapping[str, object]) -> int:
    found: int = tx.connection().execute(query, of).scalar_one()
    return found
