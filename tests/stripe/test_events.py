"""Events: what is recorded, and how it is delivered, signed, twice and out of order."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import stripe

from telemetry.loopback import HOST
from tests.stripe.control_client import WEBHOOK_SECRET, Emulator
from tests.stripe.shop import authorise, capture, pay, refund
from tests.support.webhook_receiver import Receiver, receiving

DAY = 24 * 60 * 60


@pytest.fixture
def endpoint() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def types(sdk: stripe.StripeClient) -> list[str]:
    return [each.type for each in reversed(sdk.v1.events.list({"limit": 100}).data)]


def verify(body: str, signature: str) -> stripe.Event:
    event: stripe.Event = stripe.Webhook.construct_event(body, signature, WEBHOOK_SECRET)
    return event


def test_an_authorisation_and_its_capture_are_events(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/events/types; their order is from memory and not promised."""
    capture(sdk, authorise(sdk).id)
    assert types(sdk) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
    ]


def test_a_decline_a_cancellation_and_an_expiry_are_events(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/events/types (`payment_failed`, `canceled`, `charge.expired`)."""
    with pytest.raises(stripe.CardError):
        authorise(sdk, method="pm_card_chargeDeclined")
    assert types(sdk)[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    sdk.v1.payment_intents.cancel(authorise(sdk).id)
    assert types(sdk)[-2:] == ["charge.refunded", "payment_intent.canceled"]
    authorise(sdk)
    emulator.advance(8 * DAY)
    assert types(sdk)[-2:] == ["charge.expired", "payment_intent.canceled"]


def test_a_dispute_is_an_event(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/testing#disputes and https://docs.stripe.com/api/disputes/object."""
    intent = pay(sdk, 1000, "pm_card_createDispute")
    assert types(sdk)[-1] == "charge.dispute.created"
    dispute = sdk.v1.disputes.list({"payment_intent": intent.id}).data[0]
    assert (dispute.amount, dispute.reason, dispute.status) == (1000, "fraudulent", "needs_response")
    assert sdk.v1.disputes.retrieve(dispute.id).charge == intent.latest_charge


@pytest.mark.parametrize("status", ["won", "lost", "warning_closed"])
def test_the_end_of_a_dispute_is_an_event(sdk: stripe.StripeClient, emulator: Emulator, status: str) -> None:
    """Source: https://docs.stripe.com/api/events/types (`charge.dispute.closed`) and …/disputes/object (`status`)."""
    intent = pay(sdk, 1000, "pm_card_createDispute")
    opened = sdk.v1.disputes.list({"payment_intent": intent.id}).data[0]
    emulator.run("close_dispute", dispute=opened.id, status=status)
    closed = sdk.v1.events.list({"type": "charge.dispute.closed"}).data[0].data.object
    assert (closed["id"], closed["status"], closed["payment_intent"]) == (opened.id, status, intent.id)


def test_an_event_holds_its_object_as_it_was(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/events/object (`data.object` as of the event, `request.idempotency_key`)."""
    intent = authorise(sdk, key="k1")
    capture(sdk, intent.id, key="k2")
    authorised = sdk.v1.events.list({"type": "payment_intent.amount_capturable_updated"}).data[0]
    assert authorised.data.object["status"] == "requires_capture"
    assert authorised.request is not None
    assert authorised.request.idempotency_key == "k1"
    assert sdk.v1.events.retrieve(authorised.id).type == authorised.type


def test_events_are_listed_for_30_days(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/events/list ("going back up to 30 days")."""
    pay(sdk)
    emulator.advance(30 * DAY)
    assert len(types(sdk)) == 3
    emulator.advance(1)
    assert types(sdk) == []


def test_a_delivery_is_signed_so_that_the_sdk_accepts_it(
    sdk: stripe.StripeClient, emulator: Emulator, endpoint: Receiver
) -> None:
    """Source: https://docs.stripe.com/webhooks#verify-official-libraries."""
    intent = pay(sdk)
    emulator.deliver(url=endpoint.url)
    events = [verify(each.body, each.headers["stripe-signature"]) for each in endpoint.posts]
    assert [each.type for each in events] == types(sdk)
    assert events[-1].data.object["id"] == intent.id


@pytest.mark.parametrize(
    "how", [{"secret": "whsec_other"}, {"forged": True}, {"age": 301}], ids=lambda how: next(iter(how))
)
def test_a_delivery_that_is_forged_or_old_is_not_accepted(
    sdk: stripe.StripeClient, emulator: Emulator, endpoint: Receiver, how: dict[str, object]
) -> None:
    """Source: https://docs.stripe.com/webhooks#replay-attacks (default tolerance of five minutes)."""
    pay(sdk)
    emulator.deliver(url=endpoint.url, types=["payment_intent.succeeded"], **how)
    post = endpoint.posts[0]
    with pytest.raises(stripe.SignatureVerificationError):
        verify(post.body, post.headers["stripe-signature"])
    assert json.loads(post.body)["type"] == "payment_intent.succeeded"


def test_events_arrive_twice_and_out_of_order(sdk: stripe.StripeClient, emulator: Emulator, endpoint: Receiver) -> None:
    """Source: https://docs.stripe.com/webhooks#handle-duplicate-events and …#event-ordering."""
    intent = pay(sdk, method="pm_card_pendingRefund")
    refund(sdk, intent.id)
    emulator.advance(60)
    emulator.deliver(url=endpoint.url, times=2, reverse=True)
    arrived = [json.loads(each.body)["id"] for each in endpoint.posts]
    newest_first = [each.id for each in sdk.v1.events.list({"limit": 100}).data]
    assert arrived == [each for event in newest_first for each in (event, event)]


def test_an_endpoint_may_call_the_api_before_it_answers(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Ours: who is notified looks first; the emulator must answer meanwhile."""
    intent, found = pay(sdk), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            found.append(sdk.v1.payment_intents.retrieve(intent.id).status)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://{HOST}:{server.server_port}/events"
        assert [each["status"] for each in emulator.deliver(url=url, types=["payment_intent.succeeded"])] == [200]
        thread.join()
    assert found == ["succeeded"]


def test_an_event_that_is_not_accepted_is_delivered_again(
    sdk: stripe.StripeClient, emulator: Emulator, endpoint: Receiver
) -> None:
    """Source: https://docs.stripe.com/webhooks#retries (until the endpoint answers 2xx)."""
    pay(sdk)
    endpoint.default_status = 500
    assert {each["status"] for each in emulator.deliver(url=endpoint.url)} == {500}
    endpoint.default_status = 200
    assert len(emulator.deliver(url=endpoint.url)) == 3
    assert emulator.deliver(url=endpoint.url) == []
    accepted = sdk.v1.events.list().data[0]
    assert accepted.pending_webhooks == 0
    assert len(emulator.deliver(url=endpoint.url, ids=[accepted.id])) == 1
