"""Step records: every step of a change is recorded as started, then as done or withdrawn."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy import String, bindparam, func, update
from sqlmodel import Session, col, select

from store.database.inserts import ConditionalInsert, table_of
from store.tables import ChangeRow, OrderRow, StepRecordRow
from store.webhooks import outbox
from temporal.names import StepName

REVERSIBLE = (StepName.RESERVE_SEATS, StepName.SWAP_OFFER_BUNDLE, StepName.AUTHORISE_PAYMENT)
"""The names of the steps with an undo; a test compares them with the declarations."""

# Run for every step of every change, so these statements are built once.
_RECORDS, _ORDERS = table_of(StepRecordRow), table_of(OrderRow)
_LATEST = select(func.max(_RECORDS.c.sequence)).where(_RECORDS.c.order_number == bindparam("of_order"))
_INSERT = ConditionalInsert(StepRecordRow, sequence=func.coalesce(_LATEST.scalar_subquery(), 0) + 1)
_FINISH = update(_RECORDS).where(_RECORDS.c.key == bindparam("of_key"))
_LOCKED = (
    sa.select(
        OrderRow,
        ChangeRow,
        _RECORDS.c.state,
        _RECORDS.c.result,
        _RECORDS.c.refusal,
        outbox.has_enabled_webhook(_ORDERS.c.tenant),
    )
    .select_from(OrderRow)
    .outerjoin(ChangeRow, col(ChangeRow.id) == bindparam("of_change", type_=String()))
    .outerjoin(_RECORDS, _RECORDS.c.key == bindparam("of_key", type_=String()))
    .where(_ORDERS.c.number == bindparam("of_order", type_=String()))
    .with_for_update(of=OrderRow)
)

_CHANGE = "change of the step"


class StepState(StrEnum):
    """The state of a step's key; NEW means that no step has started under it."""

    NEW = "new"
    STARTED = "started"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class ConcurrentDuplicateError(Exception):
    """The same step was done while we waited for the order's lock. Our transaction is void; retry to get its result."""


class RecordedState(NamedTuple):
    """The recorded state of a step, with its result or its refusal."""

    state: str
    result: str | None
    refusal: str | None


class KeyedCommand(Protocol):
    """The part of a step's command that its record needs."""

    @property
    def step(self) -> str:
        """The name of the activity."""

    @property
    def change(self) -> str:
        """The id of the change."""

    @property
    def order(self) -> str:
        """The number of the order."""

    @property
    def key(self) -> str:
        """The step key, the same for every attempt."""

    def model_dump_json(self) -> str:
        """Return the command as JSON."""


def record_started(
    tx: Session, tenant: str, step: str, command: KeyedCommand, now: datetime
) -> tuple[StepRecordRow, bool]:
    """Record that a step is started; return the record under its key and whether it is new.

    Of two concurrent calls the second waits here for the first and then sees its record.
    """
    inserted = _insert(tx, tenant, step, command, {"state": StepState.STARTED, "started_at": now})
    return of_key(tx, command.key), inserted


def lock_order_and_step(tx: Session, command: KeyedCommand) -> tuple[OrderRow, RecordedState | None]:
    """Lock the order of a step and return it with the recorded state of the step, in one statement.

    The order row is detached and `write_order` writes it by one UPDATE at the end. The change row stays
    in the session, so later look-ups in the transaction cost nothing. A record committed while we waited
    for the lock may be missing; `record_done` then raises ConcurrentDuplicateError.
    """
    keys = {"of_key": command.key, "of_order": command.order, "of_change": command.change}
    order, change, state, result, refusal, has_webhook = tx.execute(_LOCKED, keys).one()
    tx.expunge(order)
    # The session keeps only weak references to its rows.
    tx.info[_CHANGE] = change
    if not has_webhook:
        outbox.mark_no_webhook(tx)
    return order, RecordedState(state, result, refusal) if state else None


def record_done(tx: Session, tenant: str, command: KeyedCommand, result: str, now: datetime, *, started: bool) -> None:
    """Record a step as done with its first result; `started` says whether it was recorded as started before.

    Raises ConcurrentDuplicateError when the same step has been recorded meanwhile.
    """
    if started:
        finish(tx, command.key, result, None, now)
        return
    done = {"state": StepState.DONE, "result": result, "started_at": now, "done_at": now}
    if not _insert(tx, tenant, command.step, command, done):
        raise ConcurrentDuplicateError


def withdraw(
    tx: Session, tenant: str, step: str, command: KeyedCommand, now: datetime
) -> tuple[StepState, StepRecordRow]:
    """Withdraw a step's key permanently; return its previous state and its record.

    A step that was never started gets a tombstone: when it arrives late, it finds its key withdrawn.
    """
    tombstone = {"state": StepState.WITHDRAWN, "started_at": now, "withdrawn_at": now}
    inserted = _insert(tx, tenant, step, command, tombstone)
    row = of_key(tx, command.key)
    if inserted:
        return StepState.NEW, row
    previous = StepState(row.state)
    row.state, row.withdrawn_at = StepState.WITHDRAWN, row.withdrawn_at or now
    tx.add(row)
    return previous, row


def finish(tx: Session, key: str, result: str | None, refusal: str | None, now: datetime) -> None:
    """Record a step's first result or refusal; every later attempt returns it."""
    values = {"state": StepState.DONE, "result": result, "refusal": refusal, "done_at": now}
    tx.connection().execute(_FINISH, values | {"of_key": key})


def of_key(tx: Session, key: str) -> StepRecordRow:
    """Return the record under a key, locked until the transaction ends."""
    return tx.exec(select(StepRecordRow).where(StepRecordRow.key == key).with_for_update()).one()


def of_change(tx: Session, change: str) -> list[StepRecordRow]:
    """Return the records of a change's steps, first started first."""
    return list(
        tx.exec(select(StepRecordRow).where(StepRecordRow.change == change).order_by(col(StepRecordRow.sequence)))
    )


def _insert(tx: Session, tenant: str, step: str, command: KeyedCommand, state: Mapping[str, object]) -> bool:
    row = {
        "tenant": tenant,
        "key": command.key,
        "order_number": command.order,
        "change": command.change,
        "step": step,
        "command": command.model_dump_json(),
        **state,
    }
    return _INSERT.run(tx, row | {"of_order": command.order})
