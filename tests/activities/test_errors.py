"""Refusals and faults are told apart, and neither carries personal data out of an activity."""

import inspect

import pytest
from sqlalchemy.exc import IntegrityError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, CancelledError
from temporalio.testing import ActivityEnvironment

from activities.support.errors import (
    REFUSED,
    WithdrawnError,
    dump_refusal,
    load_refusal,
    refusal_in,
    to_temporal_failure,
)
from activities.support.step_metrics import classify
from domain.refusals import Refusal, SoldOut, TravellersIncomplete, all_refusals
from providers import errors
from providers.errors import ProviderAnswerWrongError, ProviderError, ProviderPendingError, ProviderUnavailableError
from tests.support.canary import FAMILY, GIVEN, find_canaries


async def translated(error: Exception) -> ApplicationError:
    """Return the failure that leaves an activity for an error inside it."""
    failure = await ActivityEnvironment().run(_translate, error)
    assert isinstance(failure, ApplicationError)
    return failure


async def _translate(error: Exception) -> Exception:
    return to_temporal_failure(error)


@pytest.mark.parametrize("kind", all_refusals().values())
async def test_a_refusal_leaves_as_its_code_and_sentence_and_is_never_retried(kind: type[Refusal]) -> None:
    failure = await translated(kind({"line": "26-100001-1"}))
    assert (failure.type, failure.message, failure.non_retryable) == (kind.code, kind.sentence, True)
    assert failure.category is ApplicationErrorCategory.BENIGN


async def test_a_step_that_arrives_after_its_undo_is_not_retried() -> None:
    failure = await translated(WithdrawnError())
    assert (failure.type, failure.non_retryable) == ("WITHDRAWN", True)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"{GIVEN} {FAMILY}"),
        IntegrityError("INSERT", {"given_name": GIVEN}, Exception(f"Key (name)=({FAMILY})")),
    ],
)
async def test_a_fault_leaves_as_its_type_and_is_retried(error: Exception) -> None:
    failure = await translated(error)
    assert (failure.type, failure.non_retryable) == (type(error).__name__, False)
    assert not find_canaries(str(failure).encode())


async def test_an_unavailable_provider_leaves_as_its_code_and_is_retried() -> None:
    failure = await translated(ProviderUnavailableError(FAMILY))
    assert (failure.type, failure.non_retryable) == ("PROVIDER_UNAVAILABLE", False)
    assert not find_canaries(str(failure).encode())
    assert classify(failure) == classify(ProviderUnavailableError()) == ("fault", "PROVIDER_UNAVAILABLE")


async def test_a_wrong_answer_leaves_as_a_code_of_its_own_and_is_retried() -> None:
    failure = await translated(ProviderAnswerWrongError(FAMILY))
    assert (failure.type, failure.non_retryable) == ("PROVIDER_ANSWER_WRONG", False)
    assert not find_canaries(str(failure).encode())


async def test_what_a_provider_has_only_accepted_leaves_as_a_code_of_its_own_and_is_retried() -> None:
    failure = await translated(ProviderPendingError(FAMILY))
    assert (failure.type, failure.non_retryable) == ("PROVIDER_PENDING", False)
    assert not find_canaries(str(failure).encode())
    assert classify(failure) == classify(ProviderPendingError()) == ("fault", "PROVIDER_PENDING")


def test_a_cancelled_activity_stays_cancelled() -> None:
    cancelled = CancelledError("shutdown")
    assert to_temporal_failure(cancelled) is cancelled


def test_every_error_of_a_provider_is_in_the_table_or_a_fault_on_purpose() -> None:
    kinds = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ProviderError)}
    assert kinds - set(REFUSED) == {
        ProviderError,
        ProviderUnavailableError,
        ProviderAnswerWrongError,
        ProviderPendingError,
    }
    assert refusal_in(ProviderUnavailableError()) is None
    assert isinstance(refusal_in(errors.NoSeatsLeftError()), SoldOut)


def test_a_stored_refusal_is_read_back_unchanged() -> None:
    refusal = TravellersIncomplete({"line": "26-100001-1", "traveller": 0, "field": "given_name"})
    loaded = load_refusal(dump_refusal(refusal))
    assert (type(loaded), loaded.members) == (type(refusal), refusal.members)


def test_no_two_refusals_share_a_code() -> None:
    kinds = Refusal.__subclasses__()
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(kind.sentence.endswith(".") and kind.code.isupper() for kind in kinds)
