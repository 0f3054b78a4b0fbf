"""Each fault at each request of each act; then the act is made again by a new process, and every payment looked at.

What an attempt of unknown outcome has done is asked of `find` first, as a step does, and never believed to be refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

import pytest

from domain.money import Money
from providers.contracts.assertions import new_key
from providers.errors import PaymentDeclinedError, ProviderUnavailableError
from providers.protocols import Found, FoundState, RefundState
from tests.providers.stripe.merchant import EUR, TENANT, Merchant
from tests.stripe.emulator.faults import Trouble

MOST_REQUESTS = 12
PART, LESS = Money(600, "EUR"), Money(250, "EUR")
SHORT = timedelta(seconds=1)
AFTER_ONLY = (Trouble.HALF, Trouble.HUGE, Trouble.ALTERED)
BEFORE_ONLY = (Trouble.RATE_LIMIT, Trouble.LOCK)
MEMBERS = {"amount": 1, "amount_received": 1, "status": "processing", "data": [], "customer": 7, "captured": "no"}
SITUATIONS = [
    (trouble, after)
    for trouble in Trouble
    for after in (False, True)
    if not (after and trouble in BEFORE_ONLY) and not (not after and trouble in AFTER_ONLY)
]
METHODS = {trouble: "POST" if trouble is Trouble.ALTERED else "GET|POST" for trouble in Trouble}
"""The adapter cannot detect a wrong answer to a read."""
WAIT = 60


@dataclass
class Act:
    """An act that is made anew until it is done, after what comes before it."""

    merchant: Merchant
    authorised: str = field(default_factory=lambda: new_key("authorise"))
    captured: str = field(default_factory=lambda: new_key("capture"))
    refunded: str = field(default_factory=lambda: new_key("refund"))
    token: str = ""
    reference: str = ""
    charge: str = ""

    def prepare(self) -> None:
        """Do what comes before the act."""
        self.token = self.merchant.save()

    def attempt(self) -> None:
        """Make an attempt at the act."""
        self.merchant.authorise(self.authorised, self.token)

    def check(self) -> None:
        """Look at the payment and what is found by its key."""
        self.check_intent("requires_capture", 0)
        assert self.find(self.authorised).state is FoundState.AUTHORISED

    def find(self, key: str) -> Found:
        """Find a key, by a new process when the search has caught up."""
        self.merchant.emulator.advance(WAIT)
        return self.merchant.connect().find(TENANT, key)

    def check_intent(self, status: str, received: int) -> None:
        (intent,) = [each for each in self.merchant.intents() if each["metadata"].get("changeover_key") == self.mark]
        assert (intent["status"], intent["amount"], intent["amount_received"]) == (status, EUR.minor, received)

    @property
    def mark(self) -> str:
        """The key of the authorisation as Stripe knows it."""
        return f"{TENANT}:{self.authorised}"


class Claim(Act):
    def prepare(self) -> None:
        self.token = self.merchant.confirm()


class Capture(Act):
    def prepare(self) -> None:
        super().prepare()
        self.reference = self.merchant.authorise(self.authorised, self.token).reference

    def attempt(self) -> None:
        self.charge = self.merchant.provider.capture(TENANT, self.captured, self.reference, PART)

    def check(self) -> None:
        self.check_intent("succeeded", PART.minor)
        assert self.find(self.captured) == Found(FoundState.CAPTURED, PART, self.charge)


class Refund(Capture):
    def prepare(self) -> None:
        super().prepare()
        super().attempt()

    def attempt(self) -> None:
        assert self.merchant.provider.refund(TENANT, self.refunded, self.charge, LESS) is RefundState.DONE

    def check(self) -> None:
        super().check()
        assert [each["amount"] for each in self.merchant.refunds() if each["charge"] == self.charge] == [LESS.minor]
        found = self.find(self.refunded)
        assert (found.state, found.amount, found.refund) == (FoundState.REFUNDED, LESS, RefundState.DONE)


class Void(Act):
    def prepare(self) -> None:
        super().prepare()
        self.reference = self.merchant.authorise(self.authorised, self.token).reference

    def attempt(self) -> None:
        self.merchant.provider.void(TENANT, self.authorised, self.reference)

    def check(self) -> None:
        self.check_intent("canceled", 0)
        assert self.find(self.authorised).state is FoundState.VOIDED


class VoidByKey(Void):
    def attempt(self) -> None:
        self.merchant.provider.void(TENANT, self.authorised, None)

    def prepare(self) -> None:
        super().prepare()
        self.merchant.restart()


class VoidUnused(VoidByKey):
    def prepare(self) -> None:
        self.token = self.merchant.save()

    def check(self) -> None:
        assert self.find(self.authorised).state is FoundState.VOIDED
        with pytest.raises(PaymentDeclinedError):
            self.merchant.connect().authorise(TENANT, self.authorised, EUR, "card", self.token)
        assert self.mark not in [each["metadata"].get("changeover_key") for each in self.merchant.intents()]


ACTS: list[Callable[[Merchant], Act]] = [Act, Claim, Capture, Refund, Void, VoidByKey, VoidUnused]


@pytest.mark.parametrize("kind", ACTS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(("trouble", "after"), SITUATIONS, ids=str)
def test_whatever_becomes_of_one_request_each_act_is_done_once(
    merchant: Merchant, kind: Callable[[Merchant], Act], trouble: Trouble, *, after: bool
) -> None:
    """Every other payment of the merchant stays as it is, too."""
    other = Capture(merchant)
    other.prepare()
    for number in count():
        assert number < MOST_REQUESTS
        act = kind(merchant)
        act.prepare()
        emulator = merchant.emulator
        if trouble is Trouble.HOLD:
            merchant.provider = merchant.connect(timeout=SHORT)
        emulator.fail(trouble, after=after, method=METHODS[trouble], skip=number, members=_members(trouble))
        before = len(emulator.run("requests"))
        error = _attempt(act)
        requests = len(emulator.run("requests")) - before
        emulator.heal()
        assert error is None or isinstance(error, ProviderUnavailableError)
        merchant.restart()
        _finish(act)
        act.check()
        other.check_intent("requires_capture", 0)
        if requests <= number:
            return


def _members(trouble: Trouble) -> dict[str, object]:
    return dict(MEMBERS) if trouble is Trouble.ALTERED else {}


def _attempt(act: Act) -> Exception | None:
    try:
        act.attempt()
    except Exception as error:  # noqa: BLE001 - the caller judges it
        return error
    return None


def _finish(act: Act) -> None:
    """Make the act anew until it is done; a search that lags behind may have to catch up first."""
    for _ in range(2):
        error = _attempt(act)
        if error is None:
            return
        assert isinstance(error, ProviderUnavailableError)
        act.merchant.emulator.advance(WAIT)
    act.attempt()
