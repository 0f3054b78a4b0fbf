"""The payment provider that Stripe is."""

import logging
from collections.abc import Mapping, Sequence

from domain.money import Money
from domain.provider_events import ProviderEvent
from providers.errors import ProviderUnavailableError
from providers.protocols import Authorised, Found, Movement, MovementPage, RefundState
from providers.stripe.account import Account
from providers.stripe.authorisations import authorise
from providers.stripe.book import list_movements, list_movements_of
from providers.stripe.captures import capture
from providers.stripe.events import Events
from providers.stripe.failures import RejectedError
from providers.stripe.lookup import Lookup, Places
from providers.stripe.objects import Intent, mark_of
from providers.stripe.refunds import refund
from providers.stripe.settings import StripeSettings
from providers.stripe.transport import Transport
from providers.stripe.voids import void

_QUIET = ("stripe", "httpx2")
"""Loggers of libraries that write addresses, parameters and answers."""


class StripePayments:
    """Authorises, captures, voids and refunds at Stripe.

    A token is the id of a PaymentIntent that the shop has confirmed and not captured (`pi_…`), or of a payment method
    that is saved for a customer (`pm_…`). The reference of an authorisation is a PaymentIntent, of a capture a charge.
    """

    external = True

    def __init__(self, settings: StripeSettings | None = None) -> None:
        for name in _QUIET:
            logging.getLogger(name).setLevel(logging.WARNING)
        self._settings = settings or StripeSettings()
        self._transport = Transport(self._settings.timeout)
        self._lookups: dict[str, Lookup] = {}

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        """Authorise by a token, which says what kind of payment it is.

        Raises PaymentDeclinedError, and ActionRequiredError with the PaymentIntent that the shop continues with.
        """
        with self._transport.act():
            lookup = self._look_in(tenant)
            return authorise(lookup.account, lookup, tenant, key, amount, token)

    def void(self, tenant: str, key: str, reference: str | None, token: str | None = None) -> None:
        """Cancel the PaymentIntent under a key; without one the key is taken out of use."""
        with self._transport.act():
            lookup = self._look_in(tenant)
            if reference is None:
                lookup.note_token(mark_of(tenant, key), token)
            void(lookup.account, lookup, tenant, key, reference)

    def capture(self, tenant: str, key: str, reference: str, amount: Money) -> str:
        """Capture an amount, once per key. Raises PaymentDeclinedError and AuthorisationEndedError."""
        with self._transport.act():
            lookup = self._look_in(tenant)
            return capture(lookup.account, lookup, mark_of(tenant, key), reference, amount)

    def refund(self, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
        """Refund an amount, once per key. Raises RefundDeclinedError."""
        with self._transport.act():
            lookup = self._look_in(tenant)
            return refund(lookup.account, lookup, tenant, key, capture, amount)

    def find(self, tenant: str, key: str, token: str | None = None) -> Found:
        """Return what Stripe knows of a key, as it is now; nothing only after an exact reading."""
        with self._transport.act():
            lookup, mark = self._look_in(tenant), mark_of(tenant, key)
            lookup.note_token(mark, token)
            return lookup.find(mark)

    def movements(self, tenant: str, after: str | None) -> MovementPage:
        """Return one page of Stripe's book, newest payment first."""
        with self._transport.act():
            return list_movements(self._look_in(tenant), tenant, after)

    def movements_of(self, tenant: str, payment: str) -> Sequence[Movement]:
        """Return the movements of one payment, as they are now."""
        with self._transport.act():
            return list_movements_of(self._look_in(tenant), tenant, payment)

    def read_event(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        """Verify a delivery of an event and return it; None for one that is not about a key of ours.

        Raises EventNotVerifiedError, EventUnreadableError and ProviderUnavailableError.
        """
        return Events(self._settings, self._read_intent).read(headers, body)

    def _read_intent(self, account: str | None, reference: str) -> Intent | None:
        """Return a PaymentIntent of the account that has signed an event; None if the account has none of that id."""
        with self._transport.act():
            try:
                return self._look_in(account or "").account.intent(reference)
            except RejectedError:
                return None

    def _look_in(self, tenant: str) -> Lookup:
        """Return what finds keys in a tenant's account."""
        api_key = self._settings.key_of(tenant)
        if api_key is None:
            raise ProviderUnavailableError("the tenant has no account")
        if tenant not in self._lookups:
            account = Account(api_key.get_secret_value(), self._settings.url, self._transport)
            self._lookups.setdefault(tenant, Lookup(account, Places()))
        return self._lookups[tenant]
