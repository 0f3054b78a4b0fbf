"""What the contract of a payment provider runs against, and what it asks of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from domain.money import Money
from providers.contracts.assertions import expect_failure, new_key
from providers.contracts.fault_proxy import Trouble
from providers.protocols import Authorised, Found, PaymentProvider, RefundState


class InjectsTrouble(Protocol):
    """Injects faults between a provider and its external system: a FaultProxy."""

    def __call__(self, trouble: Trouble, only: int | None = None) -> AbstractContextManager[None]:
        """Inject a fault while a block lasts, into every request or only into the one of a number."""

    @property
    def requests(self) -> int:
        """The number of requests since the last fault was injected."""


@dataclass(frozen=True)
class Paid:
    """A payment: the key and the reference of its authorisation, and the reference of its capture."""

    key: str
    authorisation: str
    capture: str = ""


@dataclass(frozen=True)
class PaymentsUnderTest:
    """A payment provider, and payment tokens of its test system."""

    provider: PaymentProvider
    token: str
    """A token that is authorised, captured and refunded."""
    declined: str
    """A token whose authorisation is declined."""
    refuses_capture: str = ""
    """A token that is authorised and whose capture is declined; empty if the test system has none."""
    refuses_refund: str = ""
    """A token that is captured and whose refund is declined; empty if the test system has none."""
    pending_refund: str = ""
    """A token whose refunds are pending until `end_refund`; empty if the test system has none."""
    action_required: str = ""
    """A token whose authorisation needs its payer first; empty if the test system has none."""
    trouble: InjectsTrouble | None = None
    """Injects a fault while a block lasts; None for a provider without an external system."""
    end_authorisation: Callable[[str], None] | None = None
    """Lets the authorisation under a key end by itself; None if the test system cannot."""
    end_refund: Callable[[str, bool], None] | None = None
    """Pays the pending refund under a key, or lets it fail; None if the test system cannot."""
    tenant: str = "default"
    method: str = "card"
    currency: str = "NOK"
    other_currency: str = "CHF"
    unit: int = 1
    """Every amount is a multiple of it, in minor units: some systems take none below a minimum, or round amounts."""
    call_timeout: timedelta = field(default=timedelta(seconds=15))
    """The longest that one call may take: an attempt at a step times out after 20 seconds."""

    def money(self, units: int) -> Money:
        """Return an amount of so many units."""
        return Money(units * self.unit, self.currency)

    def authorise(self, key: str, units: int = 100, token: str | None = None) -> Authorised:
        """Authorise an amount."""
        return self.provider.authorise(self.tenant, key, self.money(units), self.method, token or self.token)

    def authorise_new(self, units: int = 100, token: str | None = None) -> Paid:
        """Authorise an amount under a new key."""
        key = new_key("authorise")
        return Paid(key, self.authorise(key, units, token).reference)

    def capture(self, payment: Paid, units: int = 100, key: str | None = None) -> Paid:
        """Capture an amount, under a new key unless one is given."""
        key = key or new_key("capture")
        reference = self.provider.capture(self.tenant, key, payment.authorisation, self.money(units))
        return Paid(payment.key, payment.authorisation, reference)

    def capture_new(self, units: int = 100, token: str | None = None) -> Paid:
        """Authorise an amount and capture it whole."""
        return self.capture(self.authorise_new(units, token), units)

    def refund(self, payment: Paid, units: int, key: str | None = None) -> RefundState:
        """Refund an amount, under a new key unless one is given."""
        return self.provider.refund(self.tenant, key or new_key("refund"), payment.capture, self.money(units))

    def void(self, payment: Paid) -> None:
        """Void an authorisation by its key and its reference."""
        self.provider.void(self.tenant, payment.key, payment.authorisation)

    def find(self, key: str) -> Found:
        """Return what the provider knows of a key."""
        return self.provider.find(self.tenant, key)

    def has_captured(self, payment: Paid, units: int) -> bool:
        """Whether exactly this amount is captured and not refunded: it can be refunded, and not one unit more."""
        with expect_failure():
            self.refund(payment, units + 1)
        self.refund(payment, units)
        with expect_failure():
            self.refund(payment, 1)
        return True
