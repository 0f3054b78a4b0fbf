"""What tests of an adapter rely on: faults for one request, outages, backups, and what was requested."""

import threading
from typing import Any

import httpx2
import pytest
import stripe

from tests.stripe.control_client import API_KEY, Emulator
from tests.stripe.shop import authorise, capture, pay, refund


def test_a_fault_waits_for_its_request(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Ours: a fault is armed for a method and a path, after some requests, so many times."""
    emulator.fail("cut", path="/v1/refunds", skip=1, times=2)
    intent = pay(sdk)
    refund(sdk, intent.id, 100)
    for _ in range(2):
        with pytest.raises(stripe.APIConnectionError):
            refund(sdk, intent.id, 100)
    assert refund(sdk, intent.id, 100).status == "succeeded"
    emulator.fail("cut", method="GET", path="/v1/payment_intents/.*")
    with pytest.raises(stripe.APIConnectionError):
        sdk.v1.payment_intents.retrieve(intent.id)


def test_stripe_is_down_until_it_is_back(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Ours: the situation "provider down for a minute"; every request fails, reads too."""
    intent = authorise(sdk)
    emulator.fail("cut", method="GET|POST", times=1000)
    for _ in range(2):
        with pytest.raises(stripe.APIConnectionError):
            capture(sdk, intent.id)
        with pytest.raises(stripe.APIConnectionError):
            sdk.v1.payment_intents.retrieve(intent.id)
    emulator.heal()
    assert sdk.v1.payment_intents.retrieve(intent.id).status == "requires_capture"


@pytest.mark.parametrize("seconds", [-86_400, -3600, 3600, 86_400])
def test_stripe_s_clock_may_differ_from_ours(sdk: stripe.StripeClient, emulator: Emulator, seconds: int) -> None:
    """Ours: the situation "provider's clock an hour off, a day off"."""
    here = emulator.now
    emulator.reset(now=here + seconds)
    assert abs(authorise(sdk).created - here - seconds) <= 1


def test_a_restored_backup_has_forgotten_keys_and_payments(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Ours: the situation "provider restored from yesterday's backup"."""
    kept = authorise(sdk, key="k1")
    emulator.run("backup")
    lost = authorise(sdk, key="k2")
    capture(sdk, kept.id)
    emulator.run("restore")
    assert sdk.v1.payment_intents.retrieve(kept.id).status == "requires_capture"
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        sdk.v1.payment_intents.retrieve(lost.id)
    assert authorise(sdk, key="k1").id == kept.id
    assert authorise(sdk, key="k2").id != lost.id


def test_requests_at_the_same_time_are_each_done_once(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Ours: the emulator serves a thread for each connection."""
    intent, answers = pay(sdk, 1000), []

    def ask(number: int) -> None:
        response = httpx2.post(
            f"{emulator.url}/v1/refunds",
            data={"payment_intent": intent.id, "amount": "300"},
            headers={"Authorization": f"Bearer {API_KEY}", "Idempotency-Key": f"k{number}"},
        )
        answers.append(response.status_code)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(answers) == [200, 200, 200, 400, 400]


def test_the_log_tells_what_was_requested(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Ours: tests of an adapter count its requests and read their keys."""
    authorise(sdk, 1000, key="k", metadata={"a": "b"})
    entry: dict[str, Any] = emulator.requests()[0]
    assert (entry["path"], entry["key"], entry["status"]) == ("/v1/payment_intents", "k", 200)
    assert (entry["params"]["amount"], entry["params"]["metadata"]) == ("1000", {"a": "b"})


def test_an_unknown_command_is_an_error(emulator: Emulator) -> None:
    """Ours: a test that misspells a command must fail."""
    with pytest.raises(httpx2.HTTPStatusError):
        emulator.run("advance", seconds=1)
    with pytest.raises(httpx2.HTTPStatusError):
        emulator.reset(search_delay=1)
