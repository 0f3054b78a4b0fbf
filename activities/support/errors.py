"""Separates refusals from faults, in one table, and translates both for Temporal, in one place."""

import json
import logging
from collections.abc import Mapping
from typing import Any, NoReturn

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain import refusals
from domain.formats import NewerWorkerNeededError
from domain.refusals import Refusal
from providers import errors
from providers.errors import ProviderError, ProviderPendingError
from temporal.names import (
    ANSWERS_DIFFER,
    NEWER_WORKER_NEEDED,
    PROVIDER_ANSWER_WRONG,
    PROVIDER_PENDING,
    PROVIDER_UNAVAILABLE,
    RECOVERY_REQUIRED,
    REFUSED_TOO_LATE,
    WITHDRAWN,
)

log = logging.getLogger(__name__)

REFUSED: Mapping[type[ProviderError], type[Refusal]] = {
    errors.NoSeatsLeftError: refusals.SoldOut,
    errors.NoStockLeftError: refusals.SoldOut,
    errors.SeatIsTakenError: refusals.SeatTaken,
    errors.NoSuchSeatError: refusals.SeatUnknown,
    errors.HoldIsGoneError: refusals.HoldLost,
    errors.HoldCostsMoneyError: refusals.HoldCostsMoney,
    errors.PaymentDeclinedError: refusals.PaymentRefused,
    errors.ActionRequiredError: refusals.PaymentActionRequired,
    errors.AuthorisationEndedError: refusals.PaymentRefused,
    errors.RefundDeclinedError: refusals.RefundRefused,
}
"""The refusals of providers. Any other error is a fault: the step is retried, then undone."""
_FAULT_CODES: Mapping[type[BaseException], str] = {
    errors.ProviderUnavailableError: PROVIDER_UNAVAILABLE,
    errors.ProviderAnswerWrongError: PROVIDER_ANSWER_WRONG,
    ProviderPendingError: PROVIDER_PENDING,
}


class WithdrawnError(Exception):
    """A step arrived after its undo: its key is withdrawn, so the step must not happen."""


class RefusedTooLateError(Exception):
    """A provider refuses what cannot be refused any more: a step after the point of no return, or an undo.

    It is a fault: the money has moved, or the change ends as undone, so the provider is asked again and operators are
    told.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AnswerOutstandingError(Exception):
    """A provider has not answered an attempt that is under way, so nothing can be decided: the activity runs again."""


class AnswersDifferError(Exception):
    """A provider refuses what it may have done before, or has done something else, so that its answers differ.

    It is a fault: we believe neither answer and ask the provider again, and operators see both answers.
    """

    def __init__(self, answered: str, found: str) -> None:
        super().__init__()
        self.answered = answered
        """What it answered now, as a code."""
        self.found = found
        """What it says that it did before."""


class RecoveryRequiredError(Exception):
    """An earlier run left a request unfinished; it must be finished first."""


def refusal_in(error: ProviderError) -> Refusal | None:
    """Return the refusal for a provider's error, or None for a fault."""
    kind = REFUSED.get(type(error))
    return kind(*error.members) if kind else None


def raise_too_late(error: Refusal | ProviderError) -> NoReturn:
    """Raise the fault for a refusal of what cannot be refused any more; another error of a provider stays itself."""
    refusal = refusal_in(error) if isinstance(error, ProviderError) else error
    if refusal is None:
        raise error
    raise RefusedTooLateError(refusal.code) from error


def dump_refusal(refusal: Refusal) -> str:
    """Return a refusal as JSON, so that a retry of its step is refused alike."""
    return json.dumps({"code": refusal.code, "members": refusal.members})


def load_refusal(text: str) -> Refusal:
    """Return the refusal of a stored JSON text."""
    stored = json.loads(text)
    return refusals.all_refusals()[stored["code"]](*stored["members"])


class FailureInterceptor(Interceptor):
    """Translates exceptions of activities into failures that Temporal may store: only codes and our own sentences.

    Messages of the database's and providers' exceptions can contain names and birth dates.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Wrap every activity."""
        return _TranslatesErrors(next)


class _TranslatesErrors(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        try:
            return await super().execute_activity(input)
        except Exception as error:  # noqa: BLE001 - no exception may leave untranslated
            raise to_temporal_failure(error) from None


def _to_wait(
    error: RecoveryRequiredError | NewerWorkerNeededError | AnswerOutstandingError | ProviderPendingError,
) -> ApplicationError:
    """Return the failure for what has to wait: for another request, for a newer worker, or for a provider."""
    benign = ApplicationErrorCategory.BENIGN
    if isinstance(error, ProviderPendingError):
        sentence = "The provider has accepted it and not done it yet."
        return ApplicationError(sentence, activity.info().attempt, type=PROVIDER_PENDING, category=benign)
    if isinstance(error, AnswerOutstandingError):
        sentence = refusals.OutcomeUnknown.sentence
        return ApplicationError(sentence, type=refusals.OutcomeUnknown.code, category=benign)
    if isinstance(error, RecoveryRequiredError):
        sentence = "An earlier request is unfinished and must be finished first."
        return ApplicationError(sentence, type=RECOVERY_REQUIRED, non_retryable=True, category=benign)
    log.warning("left to a newer worker", extra={"code": NEWER_WORKER_NEEDED})
    sentence = "This release does not know the request's format."
    # Another worker may know it, so the queue retries it.
    return ApplicationError(sentence, error.begun, type=NEWER_WORKER_NEEDED, category=benign)


def fault_code(error: BaseException) -> str:
    """Return the code of a fault: a stable one of our own, or else the error's type."""
    return _FAULT_CODES.get(type(error), type(error).__name__)


def _not_believed(error: RefusedTooLateError | AnswersDifferError) -> ApplicationError:
    """Return the failure for an answer of a provider that is not taken for one."""
    attempt = activity.info().attempt
    if isinstance(error, RefusedTooLateError):
        log.error("refused too late", extra={"code": error.code})
        return ApplicationError(f"Refused too late: {error.code}.", attempt, type=REFUSED_TOO_LATE)
    log.error("answers of a provider differ", extra={"code": error.answered, "outcome": error.found})
    return ApplicationError(f"Answered {error.answered}, found {error.found}.", attempt, type=ANSWERS_DIFFER)


def to_temporal_failure(error: Exception) -> FailureError:
    """Return the failure that may leave an activity for an exception inside it; log a fault.

    The failure for a fault has the number of the attempt as its detail.
    """
    match error:
        case FailureError():
            return error
        case Refusal():
            benign = ApplicationErrorCategory.BENIGN
            return ApplicationError(error.sentence, type=error.code, non_retryable=True, category=benign)
        case RecoveryRequiredError() | NewerWorkerNeededError() | AnswerOutstandingError() | ProviderPendingError():
            return _to_wait(error)
        case RefusedTooLateError() | AnswersDifferError():
            return _not_believed(error)
        case WithdrawnError():
            sentence = "The step arrived after its undo and was not done."
            return ApplicationError(sentence, type=WITHDRAWN, non_retryable=True)
        case _:
            kind = fault_code(error)
            log.error("step failed", exc_info=error)
            about = activity.info()
            return ApplicationError(f"{kind} in {about.activity_type}", about.attempt, type=kind)
