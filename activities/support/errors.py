"""What is a refusal and what is a fault: one table, and the one way either leaves an activity."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain import refusals
from domain.refusals import Refusal
from providers import errors
from providers.errors import ProviderError
from temporal.names import RECOVERY_REQUIRED

log = logging.getLogger(__name__)

REFUSED: Mapping[type[ProviderError], type[Refusal]] = {
    errors.NoSeatsLeftError: refusals.SoldOut,
    errors.SeatIsTakenError: refusals.SeatTaken,
    errors.NoSuchSeatError: refusals.SeatUnknown,
    errors.HoldIsGoneError: refusals.HoldLost,
    errors.PaymentDeclinedError: refusals.PaymentRefused,
    errors.RefundDeclinedError: refusals.RefundRefused,
}
"""A provider's no. Whatever is not in this table is a fault: it is retried, then undone."""

WITHDRAWN = "WITHDRAWN"


class WithdrawnError(Exception):
    """A step came after its undo: its key is withdrawn and it may not happen any more."""


class RecoveryRequiredError(Exception):
    """An earlier run left a request half done; it comes first."""


def refusal_in(error: ProviderError) -> Refusal | None:
    """Return the refusal a provider's error means, or None for a fault."""
    kind = REFUSED.get(type(error))
    return kind() if kind else None


def dump_refusal(refusal: Refusal) -> str:
    """Write a refusal down, to be given as the same answer again."""
    return json.dumps({"code": refusal.code, "members": refusal.members})


def load_refusal(text: str) -> Refusal:
    """Return a refusal written down before."""
    stored = json.loads(text)
    return refusals.all_refusals()[stored["code"]](*stored["members"])


class FailureInterceptor(Interceptor):
    """Turns what an activity raises into what Temporal may keep: codes and our own sentences only.

    Exceptions of the database and of providers can carry names and birth dates in their text.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Wrap every activity."""
        return _TranslatesErrors(next)


class _TranslatesErrors(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        try:
            return await super().execute_activity(input)
        except Exception as error:  # noqa: BLE001 - nothing may leave untranslated
            raise to_temporal_failure(error) from None


def to_temporal_failure(error: Exception) -> FailureError:
    """Return what may leave an activity for an exception inside it."""
    match error:
        case FailureError():
            return error
        case Refusal():
            benign = ApplicationErrorCategory.BENIGN
            return ApplicationError(error.sentence, type=error.code, non_retryable=True, category=benign)
        case RecoveryRequiredError():
            sentence, benign = "An earlier request is half done and comes first.", ApplicationErrorCategory.BENIGN
            return ApplicationError(sentence, type=RECOVERY_REQUIRED, non_retryable=True, category=benign)
        case WithdrawnError():
            sentence = "The step came after its undo and was not done."
            return ApplicationError(sentence, type=WITHDRAWN, non_retryable=True)
        case _:
            kind = type(error).__name__
            log.error("step broke", exc_info=error)
            return ApplicationError(f"{kind} in {activity.info().activity_type}", type=kind)
