"""Finds what was done under our keys.

Only two kinds of readings are exact: an object by its id, and a list under an object that we know. A search lags behind
by a minute, or by an hour in an outage: what it finds is then read by id, and what it does not find is not known.
Source: https://docs.stripe.com/search#data-freshness.
"""

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field

from providers.errors import ProviderUnavailableError
from providers.protocols import Found, FoundState, RefundState
from providers.stripe.account import Account
from providers.stripe.amounts import from_stripe
from providers.stripe.failures import RejectedError
from providers.stripe.objects import CAPTURE, CLAIM, HANDED_OVER, KEY, PLACEHOLDER, Intent, Refund, refund_pointer

_MOST_PLACES = 10_000
_REFUNDS = {
    "succeeded": RefundState.DONE,
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}


@dataclass(frozen=True)
class Place:
    """A known object at which a key is found by an exact reading: a PaymentIntent, or a customer who has them."""

    intent: str | None = None
    customer: str | None = None


@dataclass
class Places:
    """Where the latest keys are found, by mark: never what was done, which is always read anew.

    A process that has just begun knows none, and searches.
    """

    _known: OrderedDict[str, Place] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, mark: str, place: Place) -> None:
        """Note where a key is found."""
        with self._lock:
            self._known[mark] = place
            self._known.move_to_end(mark)
            if len(self._known) > _MOST_PLACES:
                self._known.popitem(last=False)

    def get(self, mark: str) -> Place | None:
        """Return where a key is found, if that is known."""
        with self._lock:
            return self._known.get(mark)


@dataclass(frozen=True)
class Lookup:
    """Finds keys in one account."""

    account: Account
    places: Places

    def note_token(self, mark: str, token: str | None) -> None:
        """Note where an authorisation by a token is found, if that is not known: of another process, too."""
        if token is None or self.places.get(mark) is not None:
            return
        # What Stripe does not know leads nowhere, and a card that was detached since has no customer.
        with suppress(RejectedError):
            if token.startswith("pi_"):
                self.places.note(mark, Place(intent=self.account.intent(token).id))
            elif token.startswith("pm_") and (customer := self.account.payment_method(token).customer):
                self.places.note(mark, Place(customer=customer))

    def find(self, mark: str) -> Found:
        """Return what is known of a key of any act."""
        place = self.places.get(mark)
        for intent in self._candidates(mark, place, (KEY, CAPTURE, refund_pointer(mark))):
            if intent.metadata.get(KEY) == mark:
                return found_authorisation(intent)
            if intent.metadata.get(CAPTURE) == mark:
                return _found_capture(intent)
            if intent.metadata.get(refund_pointer(mark)) == mark:
                return self._found_refund(intent, mark)
        return Found(FoundState.NOTHING if place else FoundState.CANNOT_SAY)

    def find_authorisation(self, mark: str) -> Intent | None:
        """Return the PaymentIntent under a key, or else the one that the key has begun to claim.

        None says nothing, unless the place of the key is known.
        """
        found = list(self._candidates(mark, self.places.get(mark), (KEY, CLAIM, HANDED_OVER)))
        own = [each for each in found if mark in (each.metadata.get(KEY), each.metadata.get(HANDED_OVER))]
        real = [each for each in own if PLACEHOLDER not in each.metadata]
        begun = [each for each in found if each.metadata.get(CLAIM) == mark and KEY not in each.metadata]
        return next(iter([*real, *begun, *own]), None)

    def find_known(self, mark: str) -> Intent | None:
        """Return the PaymentIntent under a key, by exact readings alone; None: there is none where it would be."""
        place = self.places.get(mark)
        if place is None or (place.intent is None and place.customer is None):
            raise LookupError("the place of the key is not known")
        if place.intent is not None:
            return self.account.intent(place.intent)
        return self.find_at_customer(mark, str(place.customer))

    def find_at_customer(self, mark: str, customer: str) -> Intent | None:
        """Return the PaymentIntent under a key in the list of a customer, or that was; None: there is none."""
        return self._first_of(mark, customer=customer)

    def find_since(self, mark: str, since: int) -> Intent | None:
        """Return the PaymentIntent under a key among all that were created since a time; None: there is none."""
        return self._first_of(mark, created={"gte": since})

    def find_refund(self, mark: str, charge: str) -> Refund | None:
        """Return the refund of a charge under a key; None: there is none."""
        return next((each for each in self.account.refunds_of(charge) if each.metadata.get(KEY) == mark), None)

    def search(self, mark: str, *names: str) -> list[Intent]:
        """Return the PaymentIntents, as they are now, that a search finds by one of these metadata."""
        query = " OR ".join(f"metadata['{name}']:'{_escape(mark)}'" for name in names)
        return [self.account.intent(each.id) for each in self.account.search(query)]

    def _first_of(self, mark: str, **filters: object) -> Intent | None:
        for listed in self.account.intents(**filters):
            if mark in (listed.metadata.get(KEY), listed.metadata.get(HANDED_OVER)):
                return self.account.intent(listed.id)
        return None

    def _candidates(self, mark: str, place: Place | None, names: tuple[str, ...]) -> list[Intent]:
        if place is not None and place.intent is not None:
            return [self.account.intent(place.intent)]
        found = self.search(mark, *names)
        if place is not None and place.customer is not None and (at := self.find_at_customer(mark, place.customer)):
            found.append(at)
        return found

    def _found_refund(self, intent: Intent, mark: str) -> Found:
        refund = self.find_refund(mark, intent.latest_charge.id) if intent.latest_charge else None
        if refund is None:
            return Found(FoundState.NOTHING)
        amount = from_stripe(refund.amount, refund.currency)
        return Found(FoundState.REFUNDED, amount, refund.id, refund=refund_state(refund))


def found_authorisation(intent: Intent) -> Found:
    """Return what has become of an authorisation."""
    match intent.status:
        case "requires_capture":
            amount = from_stripe(intent.amount, intent.currency)
            ends_at = intent.latest_charge.ends_at if intent.latest_charge else None
            return Found(FoundState.AUTHORISED, amount, intent.id, ends_at)
        case "succeeded":
            return _captured(intent)
        case "canceled":
            return Found(FoundState.VOIDED)
        case "processing":
            return Found(FoundState.CANNOT_SAY)
        case _:
            return Found(FoundState.NOTHING)


def refund_state(refund: Refund) -> RefundState:
    """Return what became of a refund."""
    if refund.status not in _REFUNDS:
        raise ProviderUnavailableError("the refund has no known status")
    return _REFUNDS[refund.status]


def _found_capture(intent: Intent) -> Found:
    return _captured(intent) if intent.status == "succeeded" else Found(FoundState.CANNOT_SAY)


def _captured(intent: Intent) -> Found:
    if intent.latest_charge is None:
        raise ProviderUnavailableError("the capture has no charge")
    amount = from_stripe(intent.amount_received, intent.currency)
    return Found(FoundState.CAPTURED, amount, intent.latest_charge.id)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
