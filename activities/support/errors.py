"""Separates refusals from faults, in one table, and translates both for Temporal, in one place."""

import json
import logging
from collections.abc import Mapping
from typing import Any, NoReturn

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain import refusals
from domain.refusals import Refusal
from providers import errors
from providers.errors import ProviderError
from temporal.names import RECOVERY_REQUIRED, REFUSED_TOO_LATE

log = logging.getLogger(__name__)

REFUSED: Mapping[type[ProviderError], type[Refusal]] = {
    errors.NoSeatsLeftError: refusals.SoldOut,
    errors.NoStockLeftError: refusals.SoldOut,
    errors.SeatIsTakenError: refusals.SeatTaken,
    errors.NoSuchSeatError: refusals.SeatUnknown,
    errors.HoldIsGoneError: refusals.HoldLost,
    errors.PaymentDeclinedError: refusals.PaymentRefused,
    errors.RefundDeclinedError: refusals.RefundRefused,
}
"""The refusals of providers. Any other error is a fault: the step is retried, then undone."""

WITHDRAWN = "WITHDRAWN"


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


def to_temporal_failure(error: Exception) -> FailureError:
    """Return the failure that may leave an activity for an exception inside it; log a fault."""
    match error:
        case FailureError():
            return error
        case Refusal():
            benign = ApplicationErrorCategory.BENIGN
            return ApplicationError(error.sentence, type=error.code, non_retryable=True, category=benign)
        case RecoveryRequiredError():
            sentence, benign = (
                "An earlier request is unfinished and must be finished first.",
                ApplicationErrorCategory.BENIGN,
            )
            return ApplicationError(sentence, type=RECOVERY_REQUIRED, non_retryable=True, category=benign)
        case RefusedTooLateError():
            log.error("refused too late", extra={"code": error.code})
            return ApplicationError(f"Refused too late: {error.code}.", type=REFUSED_TOO_LATE)
        case WithdrawnError():
            sentence = "The step arrived after its undo and was not done."
            return ApplicationError(sentence, type=WITHDRAWN, non_retryable=True)
        case _:
            kind = type(error).__name__
            log.error("step failed", exc_info=error)
            return ApplicationError(f"{kind} in {activity.info().activity_type}", type=kind)
