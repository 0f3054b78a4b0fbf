"""Looks back at what earlier runs of an order left: its draft, and requests half done or never taken up.

A request half done is served again by its own keys: what it did is known and not done twice, what was
already being taken back is withdrawn and lets it fail, and a settlement of unknown outcome is inquired.
"""

import json
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Command, Final
from domain.changes import ChangeKind
from domain.orders import OrderStatus
from store.changes import changes, unfinished
from store.orders.orders import lock_order
from store.tables import OrderRow, StepRecordRow
from temporal.names import StepName, System


class FindUnfinishedWorkCommand(Command):
    """Look at what earlier runs left, beside the request that is asked now."""

    step: ClassVar[str] = StepName.FIND_UNFINISHED_WORK
    include_unclaimed: bool = False
    """Whether requests that no run has taken up are wanted too, and what failed ones have left."""

    def summary(self) -> str:
        """Say what is looked for."""
        return "look for what an earlier run left"


class RecordedStep(BaseModel):
    """A step of an earlier run that may have to be taken back."""

    step: str
    command: dict[str, Any]


class OpenDraft(BaseModel):
    """A draft that an earlier run left open, as data."""

    draft_opened_by: str
    expires_at: datetime | None
    steps: tuple[RecordedStep, ...]
    closing: bool = False
    """Whether it is closed on the order already, and the rest only waits to be taken back."""


class UnfinishedRequest(BaseModel):
    """A request without an outcome."""

    change: str
    kind: ChangeKind


class UnfinishedWork(BaseModel):
    """What earlier runs left."""

    draft: OpenDraft | None
    ever_confirmed: bool
    requests: tuple[UnfinishedRequest, ...]
    """Those half done, first taken up first; then those never taken up, if wanted."""
    residual_steps: tuple[RecordedStep, ...] = ()
    """Steps of failed requests of which something is left all the same, last done first."""
    status: OrderStatus | None = None
    channel: str | None = None


class RecoveryActivities:
    """Looks back."""

    def __init__(self, once: StepExecutor) -> None:
        self._once = once

    @activity.defn(name=StepName.FIND_UNFINISHED_WORK, no_thread_cancel_exception=True)
    def find_unfinished_work(self, command: FindUnfinishedWorkCommand) -> UnfinishedWork:
        """Return what earlier runs left. Nothing is written: asked again, it may find something else."""
        with self._once.store.write() as tx:
            head = lock_order(tx, command.order)
            rows = changes.claimed_without_outcome(tx, command.order, but=command.change)
            if command.include_unclaimed:
                rows += changes.unclaimed(tx, command.order)
            forgotten = unfinished.residual_steps(tx, command.order) if command.include_unclaimed else []
            return UnfinishedWork(
                draft=open_draft(tx, head) or _partially_undone_draft(tx, head),
                ever_confirmed=head.confirmed_version > 0,
                requests=tuple(UnfinishedRequest(change=row.id, kind=ChangeKind(row.kind)) for row in rows),
                residual_steps=tuple(_step(row) for row in forgotten),
                status=OrderStatus(head.status),
                channel=head.distribution_channel,
            )


def open_draft(tx: Session, head: OrderRow) -> OpenDraft | None:
    """Return the draft an order has open, with what its changes did and may have to take back."""
    return _draft(tx, head, head.draft_opened_by, closing=False) if head.draft_opened_by else None


def _partially_undone_draft(tx: Session, head: OrderRow) -> OpenDraft | None:
    opener = unfinished.partially_undone_draft(tx, head.number)
    return _draft(tx, head, opener, closing=True) if opener else None


def _draft(tx: Session, head: OrderRow, opener: str, *, closing: bool) -> OpenDraft:
    steps = tuple(_step(row) for row in unfinished.of_draft(tx, head.number, opener))
    return OpenDraft(draft_opened_by=opener, expires_at=head.expires_at, steps=steps, closing=closing)


def _step(row: StepRecordRow) -> RecordedStep:
    return RecordedStep(step=row.step, command=json.loads(row.command))


FIND_UNFINISHED_WORK = Final(FindUnfinishedWorkCommand, RecoveryActivities.find_unfinished_work, system=System.STORE)
