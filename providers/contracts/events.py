"""The contract of a payment provider that sends events: what is not signed by it, as it is, now, is not believed."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest

from domain.provider_events import DISPUTES, ProviderEvent, ProviderEventKind
from providers.errors import EventNotVerifiedError, EventUnreadableError
from providers.protocols import SendsEvents

NOW = timedelta()
TOO_OLD = timedelta(minutes=5, seconds=2)
STILL_NEW = timedelta(minutes=4)
_EVERY = 7
"""Of how many bytes one is altered: fewer than any member of an event has."""


@dataclass(frozen=True)
class Delivery:
    """What is posted to us; the names of headers are in lower case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Happened:
    """An event of the provider about a key of ours."""

    tenant: str
    key: str
    deliver: Callable[[timedelta], Delivery]
    """Deliver it, signed so long ago: each delivery is of the same event."""


@dataclass(frozen=True)
class EventsUnderTest:
    """A provider, and how a test makes it send events."""

    provider: SendsEvents
    happen: Callable[[ProviderEventKind], Happened]
    """Let something happen to a key of a tenant."""
    irrelevant: Callable[[], Delivery]
    """Deliver an event, signed, that concerns no key of ours."""
    sign: Callable[[bytes], Delivery]
    """Deliver whatever body, signed."""
    sign_as_another_account: Callable[[bytes], Delivery]
    """Deliver a body, signed by the account of another tenant that we know."""

    def read(self, delivery: Delivery) -> ProviderEvent | None:
        """Have the provider's adapter read a delivery."""
        return self.provider.read_event(delivery.headers, delivery.body)


class EventsContract:
    """A test class for an adapter overrides the fixture `events`."""

    @pytest.fixture
    def events(self) -> EventsUnderTest:
        """Return the adapter under test."""
        raise NotImplementedError

    @pytest.mark.parametrize("kind", list(ProviderEventKind))
    def test_each_kind_names_our_key_and_its_tenant(self, events: EventsUnderTest, kind: ProviderEventKind) -> None:
        """An event about a key names that key."""
        happened = events.happen(kind)
        event = events.read(happened.deliver(NOW))
        assert event is not None
        assert (event.kind, event.tenant, event.key) == (kind, happened.tenant, happened.key)
        assert event.amount.minor > 0
        assert (event.dispute is not None) == (kind in DISPUTES)

    def test_each_delivery_of_an_event_has_the_same_id_and_another_event_has_another(
        self, events: EventsUnderTest
    ) -> None:
        """By its id it is served once."""
        one, other = (events.happen(ProviderEventKind.DISPUTE_OPENED) for _ in range(2))
        read = [events.read(each.deliver(age)) for each, age in ((one, NOW), (one, STILL_NEW), (other, NOW))]
        first, second, third = (each.id for each in read if each)
        assert first == second != third

    def test_a_delivery_that_is_not_signed_is_not_believed(self, events: EventsUnderTest) -> None:
        """Neither without a signature nor with that of another body."""
        one, other = (events.happen(ProviderEventKind.DISPUTE_OPENED).deliver(NOW) for _ in range(2))
        unsigned = {name: each for name, each in one.headers.items() if name == "content-type"}
        garbled = {name: f"{each}é" for name, each in one.headers.items()}
        for headers in (unsigned, other.headers, garbled):
            with pytest.raises(EventNotVerifiedError):
                events.read(Delivery(headers, one.body))

    def test_a_delivery_altered_by_one_byte_is_not_believed(self, events: EventsUnderTest) -> None:
        """Wherever that byte is, a blank included: the signature is of the raw body."""
        delivery = events.happen(ProviderEventKind.DISPUTE_OPENED).deliver(NOW)
        places = range(0, len(delivery.body), _EVERY)
        altered = [delivery.body[:at] + bytes([delivery.body[at] ^ 1]) + delivery.body[at + 1 :] for at in places]
        formatted = json.dumps(json.loads(delivery.body), separators=(",", ":")).encode()
        for body in (*altered, delivery.body + b" ", formatted):
            with pytest.raises(EventNotVerifiedError):
                events.read(Delivery(delivery.headers, body))

    def test_a_delivery_that_was_signed_more_than_five_minutes_ago_is_not_believed(
        self, events: EventsUnderTest
    ) -> None:
        """One that was recorded cannot be played again later."""
        happened = events.happen(ProviderEventKind.DISPUTE_OPENED)
        assert events.read(happened.deliver(STILL_NEW)) is not None
        with pytest.raises(EventNotVerifiedError):
            events.read(happened.deliver(TOO_OLD))

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'{"id": 1}', b"\xff\xfe"])
    def test_what_is_signed_and_no_event_is_refused(self, events: EventsUnderTest, body: bytes) -> None:
        """It is never answered as if it had been received."""
        with pytest.raises((EventUnreadableError, EventNotVerifiedError)):
            events.read(events.sign(body))

    def test_an_event_that_concerns_no_key_of_ours_is_none(self, events: EventsUnderTest) -> None:
        """The provider need not deliver it again."""
        assert events.read(events.irrelevant()) is None

    def test_one_tenants_account_says_nothing_of_another_tenants_keys(self, events: EventsUnderTest) -> None:
        """Its secret proves who it is, not that it may speak of others."""
        for kind in (ProviderEventKind.REFUND_FAILED, ProviderEventKind.DISPUTE_OPENED):
            body = events.happen(kind).deliver(NOW).body
            with suppress(EventNotVerifiedError):
                assert events.read(events.sign_as_another_account(body)) is None
