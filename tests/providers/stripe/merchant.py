"""A merchant with an account at the emulator: adapters that are connected to it, saved cards, and its book."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

import stripe
from pydantic import SecretStr

from domain.money import Money
from providers.contracts import FaultProxy, PaymentsUnderTest
from providers.contracts.assertions import new_key
from providers.protocols import Authorised
from providers.stripe import StripePayments, StripeSettings
from tests.stripe.control_client import API_KEY, Emulator

TENANT = "default"
DAY = 24 * 60 * 60
TIMEOUT = timedelta(seconds=3)
"""As short as a busy machine allows."""
EUR = Money(1000, "EUR")


def units(currency: str) -> int:
    """Return the unit of the contract's amounts: a hundred of it are more than Stripe's minimum, and payable."""
    return {"JPY": 1, "ISK": 1, "UGX": 1}.get(currency, 10)


@dataclass
class Merchant:
    """A merchant. Each adapter is a new process: it knows nothing of what another one has done."""

    emulator: Emulator
    url: str = ""
    api_key: str = API_KEY
    adapters: list[StripePayments] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sdk = stripe.StripeClient(self.api_key, base_addresses={"api": self.emulator.url}, max_network_retries=0)
        self.provider = self.connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for adapter in self.adapters:
            adapter.close()

    def connect(self, timeout: timedelta = TIMEOUT, **more: Any) -> StripePayments:
        """Return an adapter that has just been started."""
        settings = {"api_key": SecretStr(self.api_key), **more}
        self.adapters.append(
            StripePayments(StripeSettings(url=self.url or self.emulator.url, timeout=timeout, **settings))
        )
        return self.adapters[-1]

    def restart(self) -> None:
        """Start the adapter anew."""
        self.provider = self.connect()

    def save(self, card: str = "pm_card_visa") -> str:
        """Save a card for a new customer; return the token."""
        customer = self.sdk.v1.customers.create()
        return self.sdk.v1.payment_methods.attach(card, {"customer": customer.id}).id

    def confirm(self, amount: int = 1000, currency: str = "eur", **more: Any) -> str:
        """Confirm a PaymentIntent as the shop does; return the token."""
        params: Any = {
            "amount": amount,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "capture_method": "manual",
            "confirm": True,
            "currency": currency,
            "payment_method": "pm_card_visa",
            **more,
        }
        return self.sdk.v1.payment_intents.create(params).id

    def authorise(self, key: str, token: str, amount: Money = EUR) -> Authorised:
        """Authorise an amount."""
        return self.provider.authorise(TENANT, key, amount, "card", token)

    def capture_new(self, amount: Money = EUR, card: str = "pm_card_visa") -> str:
        """Authorise and capture an amount; return the reference of the capture."""
        reference = self.authorise(new_key("authorise"), self.save(card), amount).reference
        return self.provider.capture(TENANT, new_key("capture"), reference, amount)

    def intents(self) -> list[dict[str, Any]]:
        """Return the PaymentIntents of the account, without those that only take a key out of use."""
        book = self.emulator.book("payment_intent", key=self.api_key)
        return [each for each in book if "changeover_placeholder" not in each["metadata"]]

    def refunds(self) -> list[dict[str, Any]]:
        """Return the refunds of the account that we made."""
        return [each for each in self.emulator.book("refund", key=self.api_key) if each["metadata"]]

    def under_test(self, currency: str, proxy: FaultProxy) -> PaymentsUnderTest:
        """Return what the contract runs against."""
        return PaymentsUnderTest(
            self.provider,
            self.save(),
            self.save("pm_card_chargeCustomerFail"),
            refuses_refund=self.save("pm_card_createDispute"),
            pending_refund=self.save("pm_card_pendingRefund"),
            action_required=self.save("pm_card_authenticationRequired"),
            trouble=proxy,
            end_authorisation=lambda _: self.emulator.advance(8 * DAY),
            end_refund=self._end_refund,
            currency=currency,
            unit=units(currency),
        )

    def _end_refund(self, key: str, paid: bool) -> None:  # noqa: FBT001 - as the contract calls it
        (refund,) = [each for each in self.refunds() if each["metadata"]["changeover_key"] == f"{TENANT}:{key}"]
        self.emulator.run("refund", refund=refund["id"], status="succeeded" if paid else "failed")


def try_to(act: Any) -> Any:
    """Act; return the answer, or None if it fails."""
    with suppress(Exception):
        return act()
    return None
