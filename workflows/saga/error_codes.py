"""The stable codes of failed steps."""

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
    # The failure holds no error of ours: a time-out, or a worker that died.
    return type(failure.__cause__ or failure).__name__


def no_stuck_step_error() -> ApplicationError:
    """Return the error for an operator action when no step is stuck, or none any more."""
    return ApplicationError("No step of this draft is stuck.", type=NOTHING_STUCK)


def is_refusal(failure: BaseException) -> bool:
    """Whether a failed step was refused, in contrast to a fault."""
    return error_code(failure) in _REFUSALS
