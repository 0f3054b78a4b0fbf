"""What is remembered of each step: asked, then done or withdrawn."""

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
"""The steps with an undo, by name: a test holds them to their declarations."""

# Run for every step of every change.
_EFFECTS, _ORDERS = table_of(StepRecordRow), table_of(OrderRow)
_EARLIER = select(func.count()).select_from(_EFFECTS).where(_EFFECTS.c.change == bindparam("of_change"))
_INSERT = ConditionalInsert(StepRecordRow, number=_EARLIER.scalar_subquery() + 1)
_FINISH = update(_EFFECTS).where(_EFFECTS.c.key == bindparam("of_key"))
_LOCKED = (
    sa.select(
        OrderRow,
        ChangeRow,
        _EFFECTS.c.state,
        _EFFECTS.c.result,
        _EFFECTS.c.refusal,
        outbox.any_webhook_of(_ORDERS.c.tenant),
    )
    .select_from(OrderRow)
    .outerjoin(ChangeRow, col(ChangeRow.id) == bindparam("of_change", type_=String()))
    .outerjoin(_EFFECTS, _EFFECTS.c.key == bindparam("of_key", type_=String()))
    .where(_ORDERS.c.number == bindparam("of_order", type_=String()))
    .with_for_update(of=OrderRow)
)

_CHANGE = "the step's change"


class StepState(StrEnum):
    """How far a step's key has come; NEW is a key nobody has asked under yet."""

    NEW = "new"
    STARTED = "started"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class ConcurrentDuplicateError(Exception):
    """The same step was done while we waited for the order: our transaction is void, and asking again will tell."""


class Known(NamedTuple):
    """What is known of a step: how far it came, its answer or its refusal."""

    state: str
    result: str | None
    refusal: str | None


class Keyed(Protocol):
    """A step's command, as far as remembering it goes."""

    @property
    def step(self) -> str:
        """The activity that does it."""

    @property
    def change(self) -> str:
        """The change it belongs to."""

    @property
    def order(self) -> str:
        """The order it touches."""

    @property
    def key(self) -> str:
        """Our name for this attempt at this step."""

    def model_dump_json(self) -> str:
        """Write it as JSON."""


def record_started(tx: Session, tenant: str, step: str, command: Keyed, now: datetime) -> tuple[StepRecordRow, bool]:
    """Note that a step is asked for; return what is known of it under its key, and whether it is so for the first time.

    Of two at once the second waits here for the first and then sees what became of it.
    """
    fresh = _insert(tx, tenant, step, command, {"state": StepState.STARTED, "started_at": now})
    return of_key(tx, command.key), fresh


def lock_order_and_step(tx: Session, command: Keyed) -> tuple[OrderRow, Known | None]:
    """Lock the order of a step, and return what is known of the step: one statement.

    The order's head is not the session's: `write_order` writes what the step changes of it, at its end. The
    step's change is: whoever asks for it later in the transaction has it already.
    What was committed while we waited for the lock may be missing from it; `remember` finds that out.
    """
    of = {"of_key": command.key, "of_order": command.order, "of_change": command.change}
    order, change, state, answer, refusal, anybody = tx.execute(_LOCKED, of).one()
    tx.expunge(order)
    # The session itself keeps only what somebody holds.
    tx.info[_CHANGE] = change
    if not anybody:
        outbox.no_webhook_listens(tx)
    return order, Known(state, answer, refusal) if state else None


def record_done(tx: Session, tenant: str, command: Keyed, answer: str, now: datetime, *, asked: bool) -> None:
    """Write a step down as done, with its first answer; `asked` says that it was written down as asked before.

    Raises TwinError when somebody else has written it down meanwhile.
    """
    if asked:
        finish(tx, command.key, answer, None, now)
        return
    done = {"state": StepState.DONE, "result": answer, "started_at": now, "done_at": now}
    if not _insert(tx, tenant, command.step, command, done):
        raise ConcurrentDuplicateError


def withdraw(tx: Session, tenant: str, step: str, command: Keyed, now: datetime) -> tuple[StepState, StepRecordRow]:
    """Mark a step's key withdrawn, for ever; return the state it was in before, and its row.

    A step that was never asked for gets a tombstone: if it comes late, it finds the key withdrawn.
    """
    tombstone = {"state": StepState.WITHDRAWN, "started_at": now, "withdrawn_at": now}
    fresh = _insert(tx, tenant, step, command, tombstone)
    row = of_key(tx, command.key)
    if fresh:
        return StepState.NEW, row
    before = StepState(row.state)
    row.state, row.withdrawn_at = StepState.WITHDRAWN, row.withdrawn_at or now
    tx.add(row)
    return before, row


def finish(tx: Session, key: str, answer: str | None, refusal: str | None, now: datetime) -> None:
    """Write a step's first answer; every later asking gets it."""
    values = {"state": StepState.DONE, "result": answer, "refusal": refusal, "done_at": now}
    tx.connection().execute(_FINISH, values | {"of_key": key})


def of_key(tx: Session, key: str) -> StepRecordRow:
    """Return the effect under a key, locked until the transaction ends."""
    return tx.exec(select(StepRecordRow).where(StepRecordRow.key == key).with_for_update()).one()


def of_change(tx: Session, change: str) -> list[StepRecordRow]:
    """Return everything known of a change's steps, first asked first."""
    return list(
        tx.exec(select(StepRecordRow).where(StepRecordRow.change == change).order_by(col(StepRecordRow.number)))
    )


def _insert(tx: Session, tenant: str, step: str, command: Keyed, state: Mapping[str, object]) -> bool:
    row = {
        "tenant": tenant,
        "key": command.key,
        "order_number": command.order,
        "change": command.change,
        "step": step,
        "command": command.model_dump_json(),
        **state,
    }
    return _INSERT.run(tx, row | {"of_change": command.change})
