"""The adapter of Stripe reads the events that the emulator delivers, and believes what the account has signed alone."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from domain.money import Money
from domain.provider_events import ProviderEvent, ProviderEventKind
from providers.contracts import Delivery, EventsContract, EventsUnderTest, Happened
from providers.contracts.assertions import new_key
from providers.errors import EventNotVerifiedError, EventUnreadableError, ProviderUnavailableError
from providers.stripe import StripeSettings
from store.database.store import utc_now
from tests.providers.stripe.merchant import DAY, EUR, TENANT, Merchant
from tests.stripe.control_client import API_KEY, WEBHOOK_SECRET, Emulator
from tests.support.webhook_receiver import Receiver, receiving

ROTATED, FOREIGN = "whsec_rotated", "whsec_foreign"
OTHER_KEY = "sk_test_other"
KINDS = ProviderEventKind


def signed(body: bytes, secret: str = WEBHOOK_SECRET, age: timedelta = timedelta()) -> Delivery:
    """Sign whatever bytes as Stripe does: https://docs.stripe.com/webhooks#verify-manually."""
    at = int((utc_now() - age).timestamp())
    digest = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
    return Delivery({"stripe-signature": f"t={at},v1={digest}"}, body)


@dataclass
class Account:
    """A merchant whose events are delivered to a receiver."""

    merchant: Merchant
    receiver: Receiver

    def __post_init__(self) -> None:
        foreign: dict[str, Any] = {"api_keys": {"other": SecretStr(OTHER_KEY)}}
        self.provider = self.merchant.connect(
            event_secrets=(SecretStr(WEBHOOK_SECRET), SecretStr(ROTATED)),
            event_secrets_of={"other": (SecretStr(FOREIGN),)},
            **foreign,
        )

    def authorised(self) -> tuple[str, str]:
        """Authorise 10.00; return our key and the reference."""
        key = new_key("authorise")
        return key, self.provider.authorise(TENANT, key, EUR, "card", self.merchant.save()).reference

    def captured(self, card: str = "pm_card_visa") -> tuple[str, str]:
        """Authorise and capture 10.00; return our key of the authorisation and the reference of the capture."""
        key = new_key("authorise")
        reference = self.provider.authorise(TENANT, key, EUR, "card", self.merchant.save(card)).reference
        return key, self.provider.capture(TENANT, new_key("capture"), reference, EUR)

    def refunded(self, status: str) -> str:
        """Refund 4.00 of a capture, which then succeeds or fails; return our key of the refund."""
        _, charge = self.captured("pm_card_pendingRefund")
        key = new_key("refund")
        self.provider.refund(TENANT, key, charge, Money(400, "EUR"))
        (refund,) = [each for each in self.merchant.refunds() if each["metadata"]["changeover_key"].endswith(key)]
        self.merchant.emulator.run("refund", refund=refund["id"], status=status)
        return key

    def disputed(self, status: str | None = None) -> str:
        """Have a payment disputed, and the dispute ended if a status is given; return our key of the payment."""
        key, charge = self.captured()
        dispute = self.merchant.emulator.run("dispute", charge=charge)
        if status:
            self.merchant.emulator.run("close_dispute", dispute=dispute["id"], status=status)
        return key

    def ended(self) -> str:
        """Let an authorisation end by itself; return our key of it."""
        key, _ = self.authorised()
        self.merchant.emulator.advance(8 * DAY)
        return key

    def delivered(self, kind: str) -> bytes:
        """Return the body of the latest event of a type, as Stripe sends it."""
        self.merchant.emulator.deliver(url=self.receiver.url, types=[kind])
        return [each.body.encode() for each in self.receiver.posts if json.loads(each.body)["type"] == kind][-1]

    def happen(self, kind: ProviderEventKind) -> Happened:
        """Let something happen, and deliver its event."""
        acts: dict[ProviderEventKind, tuple[Callable[[], str], str]] = {
            KINDS.REFUND_PAID: (lambda: self.refunded("succeeded"), "refund.updated"),
            KINDS.REFUND_FAILED: (lambda: self.refunded("failed"), "refund.failed"),
            KINDS.AUTHORISATION_ENDED: (self.ended, "payment_intent.canceled"),
            KINDS.DISPUTE_OPENED: (self.disputed, "charge.dispute.created"),
            KINDS.DISPUTE_WON: (lambda: self.disputed("won"), "charge.dispute.closed"),
            KINDS.DISPUTE_LOST: (lambda: self.disputed("lost"), "charge.dispute.closed"),
        }
        act, name = acts[kind]
        key = act()
        body = self.delivered(name)
        return Happened(TENANT, key, lambda age: signed(body, age=age))

    def read(self, body: bytes, secret: str = WEBHOOK_SECRET) -> ProviderEvent | None:
        """Have the adapter read a body, signed now."""
        delivery = signed(body, secret)
        return self.provider.read_event(delivery.headers, delivery.body)


@pytest.fixture
def account(merchant: Merchant) -> Iterator[Account]:
    merchant.emulator.reset(keys=[API_KEY, OTHER_KEY])
    with receiving() as receiver:
        yield Account(merchant, receiver)


class TestStripeEvents(EventsContract):
    @pytest.fixture
    def events(self, account: Account) -> EventsUnderTest:
        def irrelevant() -> Delivery:
            account.merchant.confirm(capture_method="automatic")
            return signed(account.delivered("payment_intent.succeeded"))

        return EventsUnderTest(account.provider, account.happen, irrelevant, signed, lambda body: signed(body, FOREIGN))


def test_a_delivery_is_read_as_it_arrives(account: Account) -> None:
    key = account.refunded("failed")
    account.merchant.emulator.deliver(url=account.receiver.url, types=["refund.failed"])
    post = account.receiver.posts[-1]
    headers = {name.lower(): each for name, each in post.headers.items()}
    event = account.provider.read_event(headers, post.body.encode())
    assert event is not None
    assert (event.key, event.amount, event.provider) == (key, Money(400, "EUR"), "stripe")


def test_both_secrets_are_valid_while_they_are_rotated(account: Account) -> None:
    body = account.happen(KINDS.DISPUTE_OPENED).deliver(timedelta()).body
    assert account.read(body, ROTATED) == account.read(body)
    with pytest.raises(EventNotVerifiedError):
        account.read(body, "whsec_retired")


def test_what_a_shop_does_with_its_own_payments_concerns_no_key_of_ours(account: Account) -> None:
    sdk, emulator = account.merchant.sdk, account.merchant.emulator
    own = sdk.v1.payment_intents.retrieve(account.merchant.confirm())
    sdk.v1.payment_intents.cancel(own.id)
    assert account.read(account.delivered("payment_intent.canceled")) is None
    paid = sdk.v1.payment_intents.retrieve(account.merchant.confirm(capture_method="automatic"))
    sdk.v1.refunds.create({"payment_intent": paid.id, "amount": 100})
    emulator.run("dispute", charge=paid.latest_charge)
    assert account.read(account.delivered("charge.dispute.created")) is None


def test_a_key_that_was_taken_out_of_use_has_no_authorisation_that_ends(account: Account) -> None:
    account.provider.void(TENANT, new_key("authorise"), None)
    assert account.read(account.delivered("payment_intent.canceled")) is None


def test_an_inquiry_that_is_closed_was_not_lost(account: Account) -> None:
    account.disputed("warning_closed")
    event = account.read(account.delivered("charge.dispute.closed"))
    assert event is not None
    assert event.kind is KINDS.DISPUTE_WON


def test_the_key_of_a_dispute_is_looked_up_and_stripe_delivers_again_if_it_cannot_be(account: Account) -> None:
    body = account.happen(KINDS.DISPUTE_OPENED).deliver(timedelta()).body
    account.merchant.emulator.fail("error", method="GET")
    with pytest.raises(ProviderUnavailableError):
        account.read(body)
    account.merchant.emulator.heal()
    assert account.read(body) is not None


def test_an_object_that_cannot_be_read_is_refused_without_its_text(account: Account) -> None:
    event = json.loads(account.happen(KINDS.REFUND_FAILED).deliver(timedelta()).body)
    event["data"]["object"]["amount"] = "four"
    with pytest.raises(EventUnreadableError) as refused:
        account.read(json.dumps(event).encode())
    assert "four" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_secrets_belong_to_accounts_with_a_key(emulator: Emulator) -> None:
    keys: dict[str, Any] = {"api_keys": {"north": SecretStr("sk_1")}, "url": emulator.url}
    secrets = (SecretStr(WEBHOOK_SECRET),)
    assert StripeSettings(**keys, event_secrets_of={"north": secrets}).event_accounts[1:] == [("north", secrets)]
    for wrong in ({"event_secrets": secrets}, {"event_secrets_of": {"south": secrets}}):
        with pytest.raises(ValidationError):
            StripeSettings(**keys, **wrong)
