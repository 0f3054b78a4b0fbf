"""The stable codes of failed steps."""

from temporalio.exceptions import ApplicationError

from domain.refusals import all_refusals
from temporal.names import (
    FINAL_WITHDRAWN,
    NEWER_WORKER_NEEDED,
    NOT_BY_HAND,
    NOTHING_STUCK,
    RECOVERY_REQUIRED,
    WITHDRAWN,
)

_REFUSALS = frozenset(all_refusals())


def error_code(failure: BaseException) -> str:
    """Return the stable code of a failed step: the refusal's, or the fault's type."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ApplicationError):
            return cause.type or "FAULT"
        cause = cause.__cause__
    # The failure holds no error of ours: a time-out, or a worker that died.
    return type(failure.__cause__ or failure).__name__


def attempts_in(failure: BaseException) -> int:
    """Return how many attempts a failed activity took, by the last one that answered; at least 1."""
    cause: BaseException | None = failure
    while cause is not None and not isinstance(cause, ApplicationError):
        cause = cause.__cause__
    number = cause.details[0] if cause is not None and cause.details else 1
    return number if isinstance(number, int) else 1


def no_stuck_step_error() -> ApplicationError:
    """Return the error for an operator action when no step is stuck, or none any more."""
    return ApplicationError("No step of this draft is stuck.", type=NOTHING_STUCK)


def not_by_hand_error() -> ApplicationError:
    """Return the error for a statement that a step of our own database was done by hand."""
    sentence = "The stuck step is in our own database; only a step at an external provider is done by hand."
    return ApplicationError(sentence, type=NOT_BY_HAND)


def group_error(code: str) -> ApplicationError:
    """Return the error for a group that was refused, or must wait for another request, by its code."""
    return ApplicationError(f"The group ended with {code}.", type=code, non_retryable=True)


def final_withdrawn_error() -> ApplicationError:
    """Return the error for a final step whose key a reversal or a reseat has withdrawn: it is not done any more."""
    return ApplicationError("The change is being reversed or reseated.", type=FINAL_WITHDRAWN, non_retryable=True)


def is_final_withdrawn(failure: BaseException) -> bool:
    """Whether a change found that it is being reversed or reseated, or was."""
    return error_code(failure) == FINAL_WITHDRAWN


def is_withdrawn(failure: BaseException) -> bool:
    """Whether a step found its key withdrawn."""
    return error_code(failure) == WITHDRAWN


def needs_newer_worker(failure: BaseException) -> bool:
    """Whether a step failed because no worker that tried it knows the request's format."""
    return error_code(failure) == NEWER_WORKER_NEEDED


def is_left_to_newer_worker(failure: BaseException) -> bool:
    """Whether a request was left unclaimed to a newer worker: nothing has been done for it."""
    cause: BaseException | None = failure
    while cause is not None and not isinstance(cause, ApplicationError):
        cause = cause.__cause__
    return cause is not None and cause.type == NEWER_WORKER_NEEDED and not any(cause.details)


def newer_worker_error() -> ApplicationError:
    """Return the error for a request that waits for a newer worker when its run ends."""
    return ApplicationError("The request waits for a newer worker.", type=NEWER_WORKER_NEEDED)


def is_refusal(failure: BaseException) -> bool:
    """Whether a failed step was refused, in contrast to a fault."""
    return error_code(failure) in _REFUSALS


def ends_step(failure: BaseException) -> bool:
    """Whether a failed step is not tried again by this run: it was refused, or something else has to come first.

    That is an earlier request that is unfinished, or a newer worker.
    """
    return is_refusal(failure) or error_code(failure) == RECOVERY_REQUIRED or is_left_to_newer_worker(failure)
