"""Two attempts at one act at once, and states that change between a reading and an act."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from domain.money import Money
from providers.contracts.assertions import new_key
from providers.errors import AuthorisationEndedError, ProviderUnavailableError
from providers.protocols import FoundState, RefundState
from tests.providers.stripe.merchant import DAY, EUR, TENANT, Merchant

SHORT = timedelta(seconds=1)
PART = Money(400, "EUR")


@contextmanager
def held_after_reading(merchant: Merchant, path: str, act: Any) -> Iterator[Future[Any]]:
    """Act in another thread; what it has read by a GET is old when the block ends."""
    merchant.emulator.fail("hold", after=True, method="GET", path=path)
    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(act)
        try:
            merchant.emulator.wait_until_held()
            yield acting
        finally:
            merchant.emulator.release()
            acting.exception()


def test_an_authorisation_that_is_still_being_served_is_not_made_twice(merchant: Merchant) -> None:
    key, token = new_key("authorise"), merchant.save()
    merchant.emulator.fail("hold", path="/v1/payment_intents")
    for _ in range(2):
        with pytest.raises(ProviderUnavailableError):
            merchant.connect(SHORT).authorise(TENANT, key, EUR, "card", token)
    merchant.emulator.release()
    merchant.authorise(key, token)
    assert len(merchant.intents()) == 1


def test_a_refund_that_is_still_being_served_is_not_made_twice(merchant: Merchant) -> None:
    key, charge = new_key("refund"), merchant.capture_new()
    merchant.emulator.fail("hold", path="/v1/refunds")
    for _ in range(2):
        with pytest.raises(ProviderUnavailableError):
            merchant.connect(SHORT).refund(TENANT, key, charge, PART)
    merchant.emulator.release()
    assert merchant.provider.refund(TENANT, key, charge, PART) is RefundState.DONE
    assert len(merchant.refunds()) == 1


def test_a_capture_that_is_still_being_served_is_a_fault_to_another_attempt(merchant: Merchant) -> None:
    key, reference = new_key("capture"), merchant.authorise(new_key("authorise"), merchant.save()).reference
    merchant.emulator.fail("hold", path=".*/capture")
    for _ in range(2):
        with pytest.raises(ProviderUnavailableError):
            merchant.connect(SHORT).capture(TENANT, key, reference, PART)
    merchant.emulator.release()
    assert merchant.provider.capture(TENANT, key, reference, PART)


def test_a_stored_error_is_passed_only_after_an_exact_reading_said_nothing(merchant: Merchant) -> None:
    """The reading before the act is older than what another attempt has done; its error is stored under the key."""
    key, charge, other = new_key("refund"), merchant.capture_new(), merchant.connect()
    with held_after_reading(
        merchant, "/v1/refunds", lambda: merchant.provider.refund(TENANT, key, charge, PART)
    ) as acting:
        merchant.emulator.fail("error", after=True, path="/v1/refunds")
        with pytest.raises(ProviderUnavailableError):
            other.refund(TENANT, key, charge, PART)
    assert acting.result() is RefundState.DONE
    assert len(merchant.refunds()) == 1


def test_an_authorisation_that_ends_before_its_capture_arrives_refuses_it_as_ended(merchant: Merchant) -> None:
    reference = merchant.authorise(new_key("authorise"), merchant.save()).reference
    with held_after_reading(
        merchant,
        f"/v1/payment_intents/{reference}",
        lambda: merchant.provider.capture(TENANT, new_key("capture"), reference, EUR),
    ) as acting:
        merchant.emulator.advance(8 * DAY)
    with pytest.raises(AuthorisationEndedError):
        acting.result()


def test_an_authorisation_that_ends_before_its_void_arrives_is_void(merchant: Merchant) -> None:
    key = new_key("authorise")
    reference = merchant.authorise(key, merchant.save()).reference
    with held_after_reading(
        merchant, f"/v1/payment_intents/{reference}", lambda: merchant.provider.void(TENANT, key, reference)
    ) as acting:
        merchant.emulator.advance(8 * DAY)
    acting.result()
    assert merchant.provider.find(TENANT, key).state is FoundState.VOIDED


def test_a_capture_that_another_process_has_made_meanwhile_is_taken_as_done(merchant: Merchant) -> None:
    """Its key is forgotten by then, so that Stripe refuses the second request by the state of the PaymentIntent."""
    key, reference = new_key("capture"), merchant.authorise(new_key("authorise"), merchant.save()).reference
    other = merchant.connect()
    with held_after_reading(
        merchant,
        f"/v1/payment_intents/{reference}",
        lambda: merchant.provider.capture(TENANT, key, reference, PART),
    ) as acting:
        charge = other.capture(TENANT, key, reference, PART)
        merchant.emulator.advance(2 * DAY)
    assert acting.result() == charge
