"""The example adapter of the bank keeps the contract of events, and an adapter that breaks a rule of it is caught."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from domain.provider_events import DISPUTES, ProviderEvent, ProviderEventKind
from examples.fake_systems.bank_events import SECRET, deliver, event_body
from examples.providers import bank_events
from examples.providers.bank_events import BankEventSettings, NotifyingBankPayments
from examples.providers.bank_payments import BankPayments
from providers.contracts import Delivery, EventsContract, EventsUnderTest, Happened
from providers.contracts.assertions import new_key
from providers.embedded.payments import EmbeddedPayments
from providers.errors import EventNotVerifiedError
from providers.protocols import SendsEvents
from store.database.store import Store


def signed(body: bytes, secret: str = SECRET, age: timedelta = timedelta()) -> Delivery:
    return Delivery(*deliver(body, secret, age))


def happen(kind: ProviderEventKind) -> Happened:
    key = new_key("key")
    body = event_body(kind, key, dispute="d1") if kind in DISPUTES else event_body(kind, key)
    return Happened("default", key, lambda age: signed(body, age=age))


def bank(*secrets: str) -> NotifyingBankPayments:
    event_secrets = tuple(map(SecretStr, secrets))
    settings = BankEventSettings(url="http://nowhere", secret=SecretStr("unused"), event_secrets=event_secrets)
    return NotifyingBankPayments(settings)


def under_test(provider: SendsEvents) -> EventsUnderTest:
    return EventsUnderTest(
        provider,
        happen,
        lambda: signed(event_body("statement_ready", "none")),
        signed,
        lambda body: signed(body, "another"),
    )


class TestBankEvents(EventsContract):
    @pytest.fixture
    def events(self) -> EventsUnderTest:
        return under_test(bank("an older one", SECRET))


def test_a_bank_without_a_secret_of_ours_is_not_believed() -> None:
    delivery = happen(ProviderEventKind.REFUND_PAID).deliver(timedelta())
    with pytest.raises(EventNotVerifiedError):
        bank().read_event(delivery.headers, delivery.body)


def test_the_embedded_provider_sends_no_events(store: Store) -> None:
    assert not isinstance(EmbeddedPayments(store), SendsEvents)
    assert not issubclass(BankPayments, SendsEvents)
    assert issubclass(NotifyingBankPayments, SendsEvents)


class _Broken:
    """An adapter that breaks one rule, by what it replaces in the example's module."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, broken: Any) -> None:
        monkeypatch.setattr(bank_events, name, broken)

    def read_event(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        return bank(SECRET).read_event(headers, body)


def _blanks_do_not_count(body: bytes, secret: str, at: int) -> str:
    return _SIGN(body.strip(), secret, at)


_SIGN = bank_events.sign


@pytest.mark.parametrize(
    ("name", "broken", "law"),
    [
        ("TOLERANCE", timedelta(days=1), "test_a_delivery_that_was_signed_more_than_five_minutes_ago_is_not_believed"),
        ("sign", _blanks_do_not_count, "test_a_delivery_altered_by_one_byte_is_not_believed"),
    ],
)
def test_an_adapter_that_breaks_a_rule_is_caught(
    monkeypatch: pytest.MonkeyPatch, name: str, broken: object, law: str
) -> None:
    events = under_test(_Broken(monkeypatch, name, broken))
    with pytest.raises(BaseException, match="DID NOT RAISE"):
        getattr(EventsContract(), law)(events)
