"""Idempotency keys of API v1."""

import threading

import httpx2
import pytest
import stripe

from tests.stripe.control_client import Emulator
from tests.stripe.shop import authorise, capture, refund

HOUR = 60 * 60
PAYMENT = {"amount": "1000", "currency": "eur"}


def test_the_same_request_under_a_key_is_done_once_and_answered_alike(raw: httpx2.Client, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/idempotent_requests.

    The headers `Idempotent-Replayed` and `Original-Request` are from responses that public repositories quote.
    """
    first = raw.post("/payment_intents", data=PAYMENT, headers={"Idempotency-Key": "k"})
    again = raw.post("/payment_intents", data=PAYMENT, headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.content) == (200, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"] != again.headers["request-id"]
    assert len(emulator.book("payment_intent")) == 1


def test_without_a_key_the_same_request_is_done_twice(raw: httpx2.Client, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/idempotent_requests."""
    for _ in range(2):
        raw.post("/payment_intents", data=PAYMENT)
    assert len(emulator.book("payment_intent")) == 2


def test_a_key_with_other_parameters_is_an_idempotency_error(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/idempotent_requests (incoming parameters are compared)."""
    authorise(sdk, 1000, key="k")
    with pytest.raises(stripe.IdempotencyError, match="same parameters") as refused:
        authorise(sdk, 1001, key="k")
    assert refused.value.http_status == 400


def test_the_order_of_parameters_does_not_matter(raw: httpx2.Client) -> None:
    """From memory: parameters are compared, not the bytes of the body."""
    turned = dict(reversed(PAYMENT.items()))
    first = raw.post("/payment_intents", data=PAYMENT, headers={"Idempotency-Key": "k"})
    assert raw.post("/payment_intents", data=turned, headers={"Idempotency-Key": "k"}).content == first.content


def test_a_key_of_another_endpoint_is_an_idempotency_error(sdk: stripe.StripeClient) -> None:
    """Source: https://github.com/stripe/stripe-ruby/issues/598, which quotes the message."""
    intent = authorise(sdk, key="k")
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        capture(sdk, intent.id, key="k")


def test_a_decline_is_saved_and_replayed(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/idempotent_requests (saved "regardless of whether it succeeds or fails")."""
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            authorise(sdk, method="pm_card_visa_chargeDeclined", key="k")
    assert len(emulator.book("charge")) == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_500_is_saved_and_replayed_whether_it_did_anything_or_not(
    sdk: stripe.StripeClient, emulator: Emulator, *, after: bool
) -> None:
    """Source: https://docs.stripe.com/api/idempotent_requests ("including 500 errors")."""
    emulator.fail("error", after=after)
    for _ in range(3):
        with pytest.raises(stripe.APIError) as broken:
            authorise(sdk, key="k")
        assert broken.value.http_status == 500
    assert len(emulator.book("payment_intent")) == after
    assert authorise(sdk, key="k-2").status == "requires_capture"


def test_a_request_that_fails_validation_is_not_saved(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/idempotent_requests ("after the execution of an endpoint begins")."""
    with pytest.raises(stripe.InvalidRequestError):
        authorise(sdk, key="k", amount="ten")  # type: ignore[arg-type] # wrong on purpose
    assert authorise(sdk, key="k").status == "requires_capture"


def test_a_refusal_by_state_is_saved(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/error-low-level#content-errors (a 400 is sent again under the same key)."""
    intent = authorise(sdk)
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
            refund(sdk, intent.id, key="k")
        capture(sdk, intent.id, key="c")


def test_a_429_is_not_saved(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/error-low-level#content-errors (limiters run before the idempotency layer)."""
    emulator.fail("rate_limit")
    with pytest.raises(stripe.RateLimitError):
        authorise(sdk, key="k")
    assert authorise(sdk, key="k").status == "requires_capture"


def test_a_key_is_remembered_for_24_hours_and_then_forgotten(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/idempotent_requests (removed once "at least 24 hours old")."""
    first = authorise(sdk, key="k")
    emulator.advance(24 * HOUR - 1)
    assert authorise(sdk, key="k").id == first.id
    emulator.advance(1)
    assert authorise(sdk, key="k").id != first.id


def test_a_key_in_use_is_a_conflict(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/errors (409, "perhaps due to using the same idempotent key").

    The code is in the SDK's list of error codes; the message is quoted by public repositories.
    """
    emulator.fail("hold")
    first = threading.Thread(target=authorise, args=(sdk,), kwargs={"key": "k"})
    first.start()
    emulator.wait_until_held()
    with pytest.raises(stripe.APIError, match="in-progress request") as conflict:
        authorise(sdk, key="k")
    assert conflict.value.http_status == 409
    emulator.release()
    first.join()
    assert len(emulator.book("payment_intent")) == 1
    assert authorise(sdk, key="k").id == emulator.book("payment_intent")[0]["id"]


def test_a_key_has_at_most_255_characters(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/idempotent_requests."""
    assert authorise(sdk, key="k" * 255).id
    with pytest.raises(stripe.IdempotencyError):
        authorise(sdk, key="k" * 256)


def test_a_get_ignores_the_key(raw: httpx2.Client) -> None:
    """Source: https://docs.stripe.com/api/idempotent_requests (no effect on GET and DELETE)."""
    headers = {"Idempotency-Key": "k"}
    raw.get("/events", headers=headers)
    assert raw.post("/payment_intents", data=PAYMENT, headers=headers).status_code == 200
