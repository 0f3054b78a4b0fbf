"""What goes wrong on demand: before a request is done, after it, and with what the client receives."""

import pytest
import stripe

from tests.stripe.control_client import API_KEY, Emulator
from tests.stripe.shop import authorise, capture, headers_of


@pytest.mark.parametrize(("after", "done"), [(False, 0), (True, 1)])
def test_a_connection_is_cut_before_or_after_it_is_done(
    sdk: stripe.StripeClient, emulator: Emulator, *, after: bool, done: int
) -> None:
    """Source: https://docs.stripe.com/error-low-level#network-errors (the outcome is unknown)."""
    emulator.fail("cut", after=after)
    with pytest.raises(stripe.APIConnectionError):
        authorise(sdk, key="k")
    assert len(emulator.book("payment_intent")) == done
    assert authorise(sdk, key="k").id == emulator.book("payment_intent")[0]["id"]
    assert len(emulator.book("payment_intent")) == 1


@pytest.mark.parametrize(("after", "done"), [(False, 0), (True, 1)])
def test_a_500_comes_before_or_after_it_is_done(
    sdk: stripe.StripeClient, emulator: Emulator, *, after: bool, done: int
) -> None:
    """Source: https://docs.stripe.com/error-low-level#server-errors (a 500 is to be treated as indeterminate)."""
    intent = authorise(sdk)
    emulator.fail("error", after=after, path="/v1/payment_intents/.*/capture")
    with pytest.raises(stripe.APIError):
        capture(sdk, intent.id, key="k")
    assert emulator.book("charge")[0]["captured"] is bool(done)
    with pytest.raises(stripe.APIError):
        capture(sdk, intent.id, key="k")


@pytest.mark.parametrize(("after", "done"), [(False, 0), (True, 1)])
def test_a_gateway_s_503_is_not_saved_under_the_key(
    sdk: stripe.StripeClient, emulator: Emulator, *, after: bool, done: int
) -> None:
    """From memory: a gateway in front of the API knows no keys, so that the same key does it, or replays it."""
    emulator.fail("unavailable", after=after)
    with pytest.raises(stripe.APIError) as down:
        authorise(sdk, key="k")
    assert (down.value.http_status, len(emulator.book("payment_intent"))) == (503, done)
    assert authorise(sdk, key="k").status == "requires_capture"
    assert len(emulator.book("payment_intent")) == 1


@pytest.mark.parametrize("trouble", ["page", "half", "empty", "redirect"])
def test_an_answer_may_be_no_answer_though_it_is_done(
    sdk: stripe.StripeClient, emulator: Emulator, trouble: str
) -> None:
    """Ours: what a proxy in between does; the SDK raises, and the payment is authorised."""
    emulator.fail(trouble, after=True)
    with pytest.raises(stripe.StripeError):
        authorise(sdk, key="k")
    assert emulator.book("payment_intent")[0]["status"] == "requires_capture"


def test_an_answer_may_be_of_20_mb(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Ours: the SDK reads it all."""
    emulator.fail("huge")
    assert authorise(sdk).status == "requires_capture"


def test_an_answer_may_say_what_was_not_done(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Ours: an adapter compares amount, currency and status with what it sent."""
    emulator.fail("altered", members={"amount_received": 1, "currency": "usd"}, path="/v1/payment_intents/.*/capture")
    intent = authorise(sdk, 1000)
    captured = capture(sdk, intent.id)
    assert (captured.amount_received, captured.currency) == (1, "usd")
    assert sdk.v1.payment_intents.retrieve(intent.id).amount_received == 1000


def test_a_page_may_come_without_anything_done(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Ours: what a proxy in between does."""
    emulator.fail("page")
    with pytest.raises(stripe.APIError):
        authorise(sdk)
    assert emulator.book("payment_intent") == []


@pytest.mark.parametrize("after", [False, True])
def test_a_slow_request_outlives_its_client(sdk: stripe.StripeClient, emulator: Emulator, *, after: bool) -> None:
    """Source: https://docs.stripe.com/error-low-level#network-errors (a timeout does not say that nothing was done)."""
    emulator.fail("hold", after=after)
    hurried = stripe.StripeClient(
        API_KEY,
        base_addresses={"api": emulator.url},
        http_client=stripe.RequestsClient(timeout=0.05),
        max_network_retries=0,
    )
    with pytest.raises(stripe.APIConnectionError):
        authorise(hurried, key="k")
    emulator.wait_until_held()
    assert len(emulator.book("payment_intent")) == after
    emulator.release()
    emulator.wait_until_held(0)
    assert authorise(sdk, key="k").status == "requires_capture"
    assert len(emulator.book("payment_intent")) == 1


def test_too_many_requests_in_a_second_are_429(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/rate-limits (`Stripe-Rate-Limited-Reason`)."""
    emulator.reset(rate_limit=2)
    authorise(sdk)
    authorise(sdk)
    with pytest.raises(stripe.RateLimitError) as refused:
        authorise(sdk)
    assert refused.value.http_status == 429
    assert headers_of(refused)["stripe-rate-limited-reason"] == "global-rate"
    emulator.advance(1)
    assert authorise(sdk).status == "requires_capture"


def test_a_locked_object_is_429_without_a_limit(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/rate-limits#object-lock-timeouts (`lock_timeout`)."""
    intent = authorise(sdk)
    emulator.fail("lock")
    with pytest.raises(stripe.RateLimitError, match="cannot be accessed right now") as refused:
        capture(sdk, intent.id, key="k")
    assert "stripe-rate-limited-reason" not in headers_of(refused)
    assert capture(sdk, intent.id, key="k").status == "succeeded"


@pytest.mark.parametrize(("trouble", "advice"), [("error", "false"), ("lock", "true")])
def test_an_error_says_whether_a_retry_makes_sense(
    sdk: stripe.StripeClient, emulator: Emulator, trouble: str, advice: str
) -> None:
    """Source: https://github.com/stripe/stripe-python/blob/master/stripe/_http_client.py (comments on the header)."""
    emulator.fail(trouble)
    with pytest.raises(stripe.StripeError) as broken:
        authorise(sdk)
    assert headers_of(broken)["stripe-should-retry"] == advice


def test_the_sdk_itself_retries_under_one_key(emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/error-low-level#sdk-support (automatic retries with generated keys)."""
    patient = stripe.StripeClient(API_KEY, base_addresses={"api": emulator.url}, max_network_retries=1)
    emulator.fail("cut", after=True)
    assert authorise(patient).status == "requires_capture"
    first, second = emulator.requests()
    assert first["key"] == second["key"] is not None
    assert len(emulator.book("payment_intent")) == 1
