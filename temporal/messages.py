"""The input and output of our workflows: ids, times and codes, never personal data."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from domain.changes import ChangeState
from temporal.names import System


class UndoEntry(BaseModel):
    """A step that may have to be undone, as data that survives continue-as-new."""

    step: str
    command: dict[str, Any]


class StartDraft(BaseModel):
    """The input of a run. The set of external systems stays the same for the whole run."""

    order: str
    external_systems: tuple[System, ...] = ()
    undos: tuple[UndoEntry, ...] = ()
    expires_at: datetime | None = None
    draft_opened_by: str | None = None
    ever_confirmed: bool = False
    reseats_by_itself: bool = False
    """Whether a change whose seats are gone after its settlement is reseated once by itself (CHANGEOVER_RESEAT)."""
    recover: bool = False
    """Whether to begin with the unfinished work of earlier runs: requests begun but not ended, or never started."""


class DraftResult(BaseModel):
    """How a run ended."""

    order: str
    requests_handled: int
    """How many requests the run served."""


class RequestInput(BaseModel):
    """A request, by its id. An operator may omit the id to confirm or discard without a request from the API."""

    change: str | None = None
    reason: str = ""
    """For operators: why."""


MAX_MINUTES = 184 * 24 * 60
"""Six calendar months have at most 184 days; the workflow compares the deadline itself."""


class ExtendInput(RequestInput):
    """A new deadline for the draft: by the request's id, or, for operators, with the deadline itself."""

    expires_at: datetime | None = None
    minutes: int | None = Field(default=None, ge=1, le=MAX_MINUTES)
    """For operators: the deadline in minutes from now."""


class OperatorActionInput(BaseModel):
    """An operator's action on a stuck step. Its reason is recorded on the order and must not name people."""

    reason: str = ""
    statement_event: int | None = None
    """For the API: the number of the order's event that records the operator and the reason."""


class RetryNow(OperatorActionInput):
    """Retry the stuck step at once."""


class DoneByHand(OperatorActionInput):
    """The operator states that the stuck step was done by hand at its provider."""


class RequestResult(BaseModel):
    """How a request ended."""

    change: str
    state: ChangeState
    code: str | None = None


class StepProgress(BaseModel):
    """One step of the current request."""

    step: str
    description: str
    state: str


class StuckStep(BaseModel):
    """A step that keeps failing and is retried until it is done."""

    step: str
    description: str
    since: datetime
    """When its first attempt began: since then every attempt has failed."""
    code: str
    """The code of the last answer."""
    attempts: int = 1
    """How many attempts there were, as far as they are known."""
    next_at: datetime | None = None
    """When the next attempt is due, if it is known and none runs."""
    by_hand: bool = False
    """Whether an operator may state that it was done by hand: it is a step at an external provider."""
    unsettled: tuple[str, ...] = ()
    """Seats, lines and money of the order that are neither restored nor final."""


class Progress(BaseModel):
    """The state of a run: the answer to the query `progress`."""

    order: str
    request: str | None
    kind: str | None
    summary: str = ""
    """The request in words."""
    steps: tuple[StepProgress, ...]
    queued: int
    """How many requests wait in the queue."""
    draft_open: bool
    expires_at: datetime | None
    undo_count: int
    """How many steps a discard would undo."""
    stuck: StuckStep | None
