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

from activities.support.step_executor import Once
from activities.support.step_kinds import Command, Final
from domain.changes import ChangeKind
from domain.orders import OrderStatus
from store.changes import changes
from store.changes import unfinished as leftovers
from store.orders.orders import locked
from store.tables import EffectRow, OrderRow
from temporal.names import StepName, System


class LookBack(Command):
    """Look at what earlier runs left, beside the request that is asked now."""

    step: ClassVar[str] = StepName.FIND_UNFINISHED_WORK
    part: ClassVar[str] = "back"
    waiting: bool = False
    """Whether requests that no run has taken up are wanted too, and what failed ones have left."""

    def summary(self) -> str:
        """Say what is looked for."""
        return "look for what an earlier run left"


class LeftStep(BaseModel):
    """A step of an earlier run that may have to be taken back."""

    step: str
    command: dict[str, Any]


class LeftDraft(BaseModel):
    """A draft that an earlier run left open, as data."""

    opened_by: str
    expires_at: datetime | None
    steps: tuple[LeftStep, ...]
    closing: bool = False
    """Whether it is closed on the order already, and the rest only waits to be taken back."""


class LeftRequest(BaseModel):
    """A request without an outcome."""

    change: str
    kind: ChangeKind


class Left(BaseModel):
    """What earlier runs left."""

    draft: LeftDraft | None
    ever_confirmed: bool
    requests: tuple[LeftRequest, ...]
    """Those half done, first taken up first; then those never taken up, if wanted."""
    forgotten: tuple[LeftStep, ...] = ()
    """Steps of failed requests of which something is left all the same, last done first."""
    status: OrderStatus | None = None
    channel: str | None = None


class RecoveryActivities:
    """Looks back."""

    def __init__(self, once: Once) -> None:
        self._once = once

    @activity.defn(name=StepName.FIND_UNFINISHED_WORK, no_thread_cancel_exception=True)
    def look_back(self, command: LookBack) -> Left:
        """Return what earlier runs left. Nothing is written: asked again, it may find something else."""
        with self._once.store.write() as tx:
            head = locked(tx, command.order)
            rows = changes.half_done(tx, command.order, but=command.change)
            if command.waiting:
                rows += changes.never_taken_up(tx, command.order)
            forgotten = leftovers.forgotten(tx, command.order) if command.waiting else []
            return Left(
                draft=left_draft(tx, head) or _half_taken_back(tx, head),
                ever_confirmed=head.confirmed_version > 0,
                requests=tuple(LeftRequest(change=row.id, kind=ChangeKind(row.kind)) for row in rows),
                forgotten=tuple(_step(row) for row in forgotten),
                status=OrderStatus(head.status),
                channel=head.distribution_channel,
            )


def left_draft(tx: Session, head: OrderRow) -> LeftDraft | None:
    """Return the draft an order has open, with what its changes did and may have to take back."""
    return _draft(tx, head, head.draft_opened_by, closing=False) if head.draft_opened_by else None


def _half_taken_back(tx: Session, head: OrderRow) -> LeftDraft | None:
    opener = leftovers.half_taken_back(tx, head.number)
    return _draft(tx, head, opener, closing=True) if opener else None


def _draft(tx: Session, head: OrderRow, opener: str, *, closing: bool) -> LeftDraft:
    steps = tuple(_step(row) for row in leftovers.of_draft(tx, head.number, opener))
    return LeftDraft(opened_by=opener, expires_at=head.expires_at, steps=steps, closing=closing)


def _step(row: EffectRow) -> LeftStep:
    return LeftStep(step=row.step, command=json.loads(row.command))


LOOK_BACK = Final(LookBack, RecoveryActivities.look_back, system=System.STORE)
