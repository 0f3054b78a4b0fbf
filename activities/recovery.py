"""Finds the unfinished work of an order's earlier runs: its draft, unfinished requests, and requests never started.

An unfinished request is served again under its own step keys. A step that is done is not done twice, but returns its
recorded result. A step whose undo has begun is withdrawn, so that the request fails. A settlement with an unknown
outcome is sent to the provider again, under its key.
"""

import json
from datetime import datetime
from typing import Any, ClassVar, final

from pydantic import BaseModel
from sqlmodel import Session

from activities.support.step_context import StepContext
from activities.support.step_kinds import Command, Executor, Final
from domain.changes import ChangeKind
from domain.orders import OrderStatus
from domain.reseats import BegunReseat
from store.changes import changes, reseats, reversals, unfinished
from store.orders.orders import lock_order
from store.tables import ChangeRow, OrderRow, StepRecordRow
from temporal.names import StepName, System


class FindUnfinishedWorkCommand(Command):
    """Find the unfinished work of earlier runs, except for the current request."""

    step: ClassVar[str] = StepName.FIND_UNFINISHED_WORK
    include_unclaimed: bool = False
    """Whether to include requests that no run has started."""

    def summary(self) -> str:
        """Describe the step."""
        return "find the unfinished work of earlier runs"


class RecordedStep(BaseModel):
    """A step of an earlier run that may have to be undone."""

    step: str
    command: dict[str, Any]


class OpenDraft(BaseModel):
    """A draft that an earlier run left open, as data."""

    draft_opened_by: str
    expires_at: datetime | None
    steps: tuple[RecordedStep, ...]
    closing: bool = False
    """Whether the order's draft is closed already, and only steps that are not undone remain."""


class UnfinishedRequest(BaseModel):
    """A request without an outcome."""

    change: str
    kind: ChangeKind


class UnfinishedWork(BaseModel):
    """The unfinished work of earlier runs."""

    draft: OpenDraft | None
    ever_confirmed: bool
    requests: tuple[UnfinishedRequest, ...]
    """Reversals; then reseats; then unfinished requests in the order of their start, and those never started, if
    included."""
    reseats: tuple[BegunReseat, ...] = ()
    """The latest reseat of each change without an outcome."""
    residual_steps: tuple[RecordedStep, ...] = ()
    """Steps that are to be undone and may still have an effect, last done first."""
    status: OrderStatus | None = None
    channel: str | None = None


@final
class FindUnfinishedWork(Final[FindUnfinishedWorkCommand, UnfinishedWork]):
    """Returns the unfinished work of earlier runs."""

    system = System.STORE
    keeps_record = False

    def execute(self, executor: Executor, command: FindUnfinishedWorkCommand) -> UnfinishedWork:
        """Find it under the order's lock; no result is recorded, since a retry may find something else."""
        with executor.context.store.write() as tx:
            return self.record(executor.context, tx, lock_order(tx, command.order), command, None)

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: FindUnfinishedWorkCommand, response: Any
    ) -> UnfinishedWork:
        """Read the draft, the requests and the steps that are left."""
        rows = changes.claimed_without_outcome(tx, command.order, excluding=command.change)
        if command.include_unclaimed:
            rows += changes.unclaimed(tx, command.order)
        rows = _ways_out_first(tx, command.order, rows)
        residual_steps = unfinished.residual_steps(tx, command.order)
        return UnfinishedWork(
            draft=open_draft(tx, order) or _partially_undone_draft(tx, order),
            ever_confirmed=order.confirmed_version > 0,
            requests=tuple(UnfinishedRequest(change=row.id, kind=ChangeKind(row.kind)) for row in rows),
            reseats=tuple(reseats.unfinished(tx, command.order)),
            residual_steps=tuple(recorded_step(row) for row in residual_steps),
            status=OrderStatus(order.status),
            channel=order.distribution_channel,
        )


def _ways_out_first(tx: Session, order: str, rows: list[ChangeRow]) -> list[ChangeRow]:
    """Return requests in the order in which they are served.

    A reversal ends the change that it reverses, with its reseats. A reseat comes before the change that it reseats.
    """
    first = [row for row in rows if row.kind == ChangeKind.REVERSE]
    reversed_changes = {reversals.reversed_by(tx, row) for row in first}
    ended = {each.request for each in reseats.begun(tx, order) if each.reseat.change in reversed_changes}
    rest = [row for row in rows if row not in first and row.id not in reversed_changes | ended]
    return first + sorted(rest, key=lambda row: row.kind != ChangeKind.RESEAT)


def open_draft(tx: Session, order_row: OrderRow) -> OpenDraft | None:
    """Return the open draft of an order, with the steps that may have to be undone."""
    return _draft(tx, order_row, order_row.draft_opened_by, closing=False) if order_row.draft_opened_by else None


def _partially_undone_draft(tx: Session, order_row: OrderRow) -> OpenDraft | None:
    opener = unfinished.partially_undone_draft(tx, order_row.number)
    return _draft(tx, order_row, opener, closing=True) if opener else None


def _draft(tx: Session, order_row: OrderRow, opener: str, *, closing: bool) -> OpenDraft:
    steps = tuple(recorded_step(row) for row in unfinished.of_draft(tx, order_row.number, opener))
    return OpenDraft(draft_opened_by=opener, expires_at=order_row.expires_at, steps=steps, closing=closing)


def recorded_step(row: StepRecordRow) -> RecordedStep:
    """Return the step of a record."""
    return RecordedStep(step=row.step, command=json.loads(row.command))


FIND_UNFINISHED_WORK = FindUnfinishedWork()
