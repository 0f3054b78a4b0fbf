"""Step records: every step of a change is recorded as started, then as done; an undo withdraws it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy import String, bindparam, func, or_, update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from domain.money import Money
from store.changes import changes
from store.changes.new_records import KeyedCommand, NewRecord
from store.database.inserts import ConditionalInsert, insert_all, table_of
from store.tables import ChangeRow, OrderRow, StepRecordRow
from store.webhooks import outbox
from temporal.names import GROUP, step_key

# Run for every step of every change, so these statements are built once.
_RECORDS, _ORDERS = table_of(StepRecordRow), table_of(OrderRow)
_LATEST = select(func.max(_RECORDS.c.sequence)).where(_RECORDS.c.order_number == bindparam("of_order"))
_INSERT = ConditionalInsert(StepRecordRow, sequence=func.coalesce(_LATEST.scalar_subquery(), 0) + 1)
_FINISH = update(_RECORDS).where(_RECORDS.c.key == bindparam("of_key"))
_DISCARDED = sa.select(_RECORDS.c.discarded_answers).where(_RECORDS.c.key == bindparam("of_key"))
_HAS_WEBHOOK = outbox.has_enabled_webhook(_ORDERS.c.tenant)
_LOCKED_ORDER = (
    sa.select(OrderRow, _HAS_WEBHOOK)
    .where(_ORDERS.c.number == bindparam("of_order", type_=String()))
    .with_for_update(of=OrderRow)
)
_OF_CHANGE = sa.select(*_RECORDS.c["key", "state", "result", "refusal", "sequence"]).where(
    _RECORDS.c.change == bindparam("of_change", type_=String())
)
_WITH_LATEST: sa.CompoundSelect[Any] = sa.union_all(_OF_CHANGE, sa.select(*[sa.null()] * 4, _LATEST.scalar_subquery()))
_LOCKED = (
    sa.select(
        OrderRow,
        ChangeRow,
        _RECORDS.c.state,
        _RECORDS.c.result,
        _RECORDS.c.refusal,
        _HAS_WEBHOOK,
    )
    .select_from(OrderRow)
    .outerjoin(ChangeRow, col(ChangeRow.id) == bindparam("of_change", type_=String()))
    .outerjoin(_RECORDS, _RECORDS.c.key == bindparam("of_key", type_=String()))
    .where(_ORDERS.c.number == bindparam("of_order", type_=String()))
    .with_for_update(of=OrderRow)
)

_CHANGE = "change of the step"
_UNANSWERED = TypeAdapter(dict[int, datetime])
_MOST_UNANSWERED = 20


class StepState(StrEnum):
    """The state of a step's key; NEW means that no step has started under it.

    From WITHDRAWING on the step does not happen any more. WITHDRAWN means that its undo is done, at its provider too.
    """

    NEW = "new"
    STARTED = "started"
    DONE = "done"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"


def undo_begun(state: str) -> bool:
    """Whether a step in this state does not happen any more: its undo has begun, or is done."""
    return state in (StepState.WITHDRAWING, StepState.WITHDRAWN)


class ConcurrentDuplicateError(Exception):
    """The same step was done while we waited for the order's lock. Our transaction is void; retry to get its result."""


class RecordedState(NamedTuple):
    """The recorded state of a step, with its result or its refusal."""

    state: str
    result: str | None
    refusal: str | None


class LockedChange(NamedTuple):
    """A locked order, with a change of it and the records of its steps, by their keys."""

    order: OrderRow
    change: ChangeRow | None
    records: dict[str, RecordedState]
    latest: int
    """The sequence number of the order's latest record."""

    @property
    def group_withdrawn(self) -> bool:
        """Whether the change's steps run one by one, so that a group which arrives late must do nothing."""
        return self.change is not None and step_key(self.change.id, GROUP) in self.records


class Attempt(NamedTuple):
    """One attempt at a final step at an external provider."""

    number: int
    began_at: datetime


class AttemptsAt(NamedTuple):
    """What is known of the attempts at a final step."""

    done: bool
    unanswered_at: datetime | None
    """When the latest attempt began of which it is not known what it has done."""
    refused_at: datetime | None
    """When the latest attempt began that the provider refused."""

    def known_not_done(self, late_answer: timedelta) -> bool:
        """Whether the provider has refused the step, so long after every unanswered attempt that none may be done."""
        if self.done or self.refused_at is None:
            return False
        return self.unanswered_at is None or self.refused_at - self.unanswered_at >= late_answer


def record_started(tx: Session, tenant: str, new: NewRecord, now: datetime) -> StepRecordRow:
    """Record that a step is started; return its record. The order is locked, and has no record under the key yet."""
    _insert(tx, tenant, new, {"state": StepState.STARTED, "started_at": now})
    return of_key(tx, new.command.key)


def lock_order_and_step(tx: Session, command: KeyedCommand) -> tuple[OrderRow, RecordedState | None]:
    """Lock the order of a step and return it with the recorded state of the step, in one statement.

    The order row is detached and `write_order` writes it by one UPDATE at the end. The change row stays
    in the session, so later look-ups in the transaction cost nothing. A record committed while we waited
    for the lock may be missing; `record_done` then raises ConcurrentDuplicateError. Raises NewerWorkerNeededError.
    """
    keys = {"of_key": command.key, "of_order": command.order, "of_change": command.change}
    order, change, state, result, refusal, has_webhook = tx.execute(_LOCKED, keys).one()
    tx.expunge(order)
    # The session keeps only weak references to its rows.
    tx.info[_CHANGE] = change
    if change is not None:
        changes.require_known(change)
    if not has_webhook:
        outbox.mark_no_webhook(tx)
    return order, RecordedState(state, result, refusal) if state else None


def lock_order_and_change(tx: Session, order: str, change: str) -> LockedChange:
    """Lock an order and return it with a change and the records of its steps, all as they are under the lock.

    The order row is detached, as in `lock_order_and_step`. The change is None before an operator's request is stored.
    """
    order_row, has_webhook = tx.execute(_LOCKED_ORDER, {"of_order": order}).one()
    tx.expunge(order_row)
    if not has_webhook:
        outbox.mark_no_webhook(tx)
    execute = tx.connection().execute
    # Read after the lock: what another transaction committed while we waited for it is there.
    records, latest = {}, 0
    for key, state, result, refusal, sequence in execute(_WITH_LATEST, {"of_change": change, "of_order": order}):
        latest = max(latest, sequence or 0)
        if key is not None:
            records[key] = RecordedState(state, result, refusal)
    change_row = tx.get(ChangeRow, change)
    tx.info[_CHANGE] = change_row
    return LockedChange(order_row, change_row, records, latest)


def record_all_done(
    tx: Session, tenant: str, done: Sequence[tuple[NewRecord, str]], latest: int, now: datetime
) -> None:
    """Record steps as done with their results, in their order, after the order's latest record. Its order is locked."""
    rows = [
        new.row(tenant)
        | {"sequence": number, "state": StepState.DONE, "result": result, "started_at": now, "done_at": now}
        | {"refusal": None, "withdrawn_at": None}
        for number, (new, result) in enumerate(done, start=latest + 1)
    ]
    insert_all(tx, StepRecordRow, rows)


def withdraw_group(tx: Session, tenant: str, command: KeyedCommand, now: datetime) -> None:
    """Withdraw the key under which a change's steps run in groups, permanently: from now on they run one by one."""
    key = {"key": step_key(command.change, GROUP)}
    tombstone = {"state": StepState.WITHDRAWN, "started_at": now, "withdrawn_at": now}
    _insert(tx, tenant, NewRecord(command), key | tombstone)


def record_done(tx: Session, tenant: str, new: NewRecord, result: str, now: datetime, *, started: bool) -> None:
    """Record a step as done with its first result; `started` says whether it was recorded as started before.

    Raises ConcurrentDuplicateError when the same step has been recorded meanwhile.
    """
    if started:
        finish(tx, new.command.key, result, None, now)
        return
    done = {"state": StepState.DONE, "result": result, "started_at": now, "done_at": now}
    if not _insert(tx, tenant, new, done):
        raise ConcurrentDuplicateError


def begin_undo(tx: Session, record: StepRecordRow) -> None:
    """Withdraw the key of a step permanently, before its undo is done."""
    record.state = StepState.WITHDRAWING
    tx.add(record)


def record_withdrawing(tx: Session, tenant: str, new: NewRecord, now: datetime) -> StepRecordRow:
    """Withdraw the key of a step that was never started; return its record.

    It is a tombstone: when the step arrives late, it finds its key withdrawn. Its order is locked.
    """
    _insert(tx, tenant, new, {"state": StepState.WITHDRAWING, "started_at": now})
    return of_key(tx, new.command.key)


def end_undo(tx: Session, record: StepRecordRow, now: datetime) -> None:
    """Record that a step's undo is done."""
    record.state, record.withdrawn_at = StepState.WITHDRAWN, record.withdrawn_at or now
    tx.add(record)


def withdraw(tx: Session, tenant: str, new: NewRecord, now: datetime) -> None:
    """Withdraw the key of a step that has not happened, permanently: there is nothing to undo."""
    end_undo(tx, find(tx, new.command.key) or record_withdrawing(tx, tenant, new, now), now)


def begin_attempt(tx: Session, record: StepRecordRow, now: datetime) -> Attempt:
    """Record that a final step is sent to an external provider."""
    attempt = Attempt(record.attempts + 1, now)
    record.attempts = attempt.number
    record.unanswered = _to_json(_unanswered(record) | {attempt.number: attempt.began_at})
    tx.add(record)
    return attempt


def refuse_attempt(tx: Session, key: str, attempt: Attempt) -> None:
    """Record that the provider refused an attempt. Others may be under way: what they have done stays unknown."""
    record = of_key(tx, key)
    unanswered = {number: began for number, began in _unanswered(record).items() if number != attempt.number}
    record.unanswered = _to_json(unanswered)
    record.refused_at = max(attempt.began_at, record.refused_at or attempt.began_at)
    tx.add(record)


def attempts_at(tx: Session, key: str) -> AttemptsAt | None:
    """Return what is known of the attempts at a step, by its key; None when it was never begun."""
    record = tx.get(StepRecordRow, key)
    if record is None:
        return None
    unanswered_at = max(_unanswered(record).values(), default=None)
    return AttemptsAt(record.state == StepState.DONE, unanswered_at, record.refused_at)


def _unanswered(record: StepRecordRow) -> dict[int, datetime]:
    return _UNANSWERED.validate_json(record.unanswered) if record.unanswered else {}


def _to_json(unanswered: dict[int, datetime]) -> str | None:
    # An attempt whose worker died stays; the latest ones decide.
    latest = dict(sorted(unanswered.items())[-_MOST_UNANSWERED:])
    return _UNANSWERED.dump_json(latest).decode() if latest else None


def discarded_answers_at(tx: Session, key: str) -> int:
    """Return how many answers of the provider to a step were discarded, by the step's key."""
    number = tx.connection().execute(_DISCARDED, {"of_key": key}).scalar_one_or_none()
    return number or 0


def discard_answer(tx: Session, key: str, number: int) -> bool:
    """Record that the answer after so many discarded ones is discarded too, unless that is known or its undo has begun.

    From then on no attempt holds under the key that was answered, and no answer under it is recorded. Return whether
    the key may be released: not if another attempt has recorded what it was answered under it.
    """
    record = of_key(tx, key)
    if record.state == StepState.STARTED and record.discarded_answers == number:
        record.discarded_answers = number + 1
        tx.add(record)
    return record.state != StepState.DONE or record.discarded_answers > number


def finish(tx: Session, key: str, result: str | None, refusal: str | None, now: datetime) -> None:
    """Record a step's first result or refusal; every later attempt returns it."""
    values = {"state": StepState.DONE, "result": result, "refusal": refusal, "done_at": now}
    tx.connection().execute(_FINISH, values | {"of_key": key})


def of_key(tx: Session, key: str) -> StepRecordRow:
    """Return the record under a key, locked until the transaction ends."""
    return tx.exec(_of_key(key)).one()


def find(tx: Session, key: str) -> StepRecordRow | None:
    """Return the record under a key, locked until the transaction ends; None for a step that was never started."""
    return tx.exec(_of_key(key)).one_or_none()


def _of_key(key: str) -> SelectOfScalar[StepRecordRow]:
    return select(StepRecordRow).where(StepRecordRow.key == key).with_for_update()


def of_act(tx: Session, change: str, act: str) -> StepRecordRow | None:
    """Return the record of a change's step by the name of the step or of its undo; None if it was never started."""
    named = or_(col(StepRecordRow.step) == act, col(StepRecordRow.undo) == act)
    return tx.exec(select(StepRecordRow).where(StepRecordRow.change == change, named)).first()


def amount_of(record: StepRecordRow) -> Money | None:
    """Return the amount that a step moves at its provider, if its record names one."""
    if record.amount_minor is None or record.currency is None:
        return None
    return Money(record.amount_minor, record.currency)


def of_change(tx: Session, change: str) -> list[StepRecordRow]:
    """Return the records of a change's steps, first started first."""
    of_change = (StepRecordRow.change == change, StepRecordRow.step != GROUP)
    return list(tx.exec(select(StepRecordRow).where(*of_change).order_by(col(StepRecordRow.sequence))))


def _insert(tx: Session, tenant: str, new: NewRecord, state: Mapping[str, object]) -> bool:
    return _INSERT.run(tx, new.row(tenant) | {**state, "of_order": new.command.order})
