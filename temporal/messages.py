"""What goes in and out of the workflow: ids, times and codes, never anything personal."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field

from domain.changes import MAX_DEADLINE, ChangeState
from temporal.names import System


class UndoEntry(BaseModel):
    """A step that may have to be taken back, as data: it survives continue-as-new."""

    step: str
    command: dict[str, Any]


class StartDraft(BaseModel):
    """What a run starts with. Which providers are outside is fixed for its whole life."""

    order: str
    external_systems: tuple[System, ...] = ()
    undos: tuple[UndoEntry, ...] = ()
    expires_at: datetime | None = None
    draft_opened_by: str | None = None
    ever_confirmed: bool = False
    recover: bool = False
    """Whether to begin with what earlier runs left: requests half done, or never taken up."""


class DraftResult(BaseModel):
    """How a run ended."""

    order: str
    requests_handled: int
    """How many requests it answered."""


class RequestInput(BaseModel):
    """A request by its id. An operator may leave the id out to confirm or discard by hand."""

    change: str | None = None
    reason: str = ""
    """By hand: why."""


class ExtendInput(RequestInput):
    """A new deadline for the draft: by its request's id, or by hand with the time itself."""

    expires_at: datetime | None = None
    minutes: int | None = Field(default=None, ge=1, le=MAX_DEADLINE // timedelta(minutes=1))
    """By hand: how long from now."""


class OperatorActionInput(BaseModel):
    """What an operator says of a stuck step: a reason, which is recorded on the order. No names in it, please."""

    reason: str = ""
    statement_event: int | None = None
    """For the API: the order's event by which it has written down who says so, and why."""


class RetryNow(OperatorActionInput):
    """Try the stuck step again at once."""


class DoneByHand(OperatorActionInput):
    """The stuck step was done by hand."""


class RequestResult(BaseModel):
    """How a request ended."""

    change: str
    state: ChangeState
    code: str | None = None


class StepProgress(BaseModel):
    """One step of the request under way."""

    step: str
    description: str
    state: str


class StuckStep(BaseModel):
    """A step that keeps failing and is tried again and again."""

    step: str
    description: str
    since: datetime
    code: str
    unsettled: tuple[str, ...] = ()
    """What the order has that is not settled: seats, lines, money."""


class Progress(BaseModel):
    """What a run is doing right now."""

    order: str
    request: str | None
    kind: str | None
    summary: str = ""
    """What it asks for, in words."""
    steps: tuple[StepProgress, ...]
    queued: int
    """How many requests wait for their turn."""
    draft_open: bool
    expires_at: datetime | None
    undo_count: int
    """How many steps a discard would take back."""
    stuck: StuckStep | None
