"""What a failed step is called."""

from temporalio.exceptions import ApplicationError

from domain.refusals import all_refusals
from temporal.names import NOTHING_STUCK

_REFUSALS = frozenset(all_refusals())


def error_code(failure: BaseException) -> str:
    """Return the stable code of a failed step: the refusal's, or the fault's type."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ApplicationError):
            return cause.type or "FAULT"
        cause = cause.__cause__
    # Nothing of ours was heard at all: a time-out, or a worker that went away.
    return type(failure.__cause__ or failure).__name__


def no_stuck_step_error() -> ApplicationError:
    """Return what whoever would help is told where there is nothing to help, or no longer."""
    return ApplicationError("No step of this draft is stuck.", type=NOTHING_STUCK)


def is_refusal(failure: BaseException) -> bool:
    """Whether a failed step is a business no."""
    return error_code(failure) in _REFUSALS
