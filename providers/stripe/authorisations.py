"""Authorises: claims a PaymentIntent that the shop has confirmed, or charges a saved card off session."""

from dataclasses import dataclass

from stripe.params import PaymentIntentCreateParams

from domain.money import Money
from providers.errors import ActionRequiredError, PaymentDeclinedError, ProviderUnavailableError
from providers.protocols import Authorised
from providers.stripe.account import Account
from providers.stripe.amounts import UnpayableAmountError, to_stripe
from providers.stripe.failures import KeyUsedError, RejectedError
from providers.stripe.lookup import Lookup, Place
from providers.stripe.objects import (
    AUTHENTICATION_REQUIRED,
    CLAIM,
    HANDED_OVER,
    KEY,
    PLACEHOLDER,
    TENANT,
    Intent,
    mark_of,
)

_DECLINED_CODES = ("amount_too_small", "amount_too_large", "resource_missing")
_DECLINED_PARAMS = ("amount", "currency", "payment_method")


@dataclass(frozen=True)
class Authorisation:
    """One authorisation under our key, of an amount in the API's units."""

    account: Account
    lookup: Lookup
    tenant: str
    key: str
    units: int
    currency: str

    @property
    def mark(self) -> str:
        """What stands for our key."""
        return mark_of(self.tenant, self.key)

    def authorise(self, token: str) -> Authorised:
        """Authorise by a token: the id of a PaymentIntent or of a saved payment method."""
        if token.startswith("pi_"):
            return self._claim(token)
        if token.startswith("pm_"):
            return self._charge(token)
        raise PaymentDeclinedError("neither a PaymentIntent nor a payment method")

    def _claim(self, reference: str) -> Authorised:
        """Claim the shop's PaymentIntent, which no other key of ours has claimed."""
        try:
            intent = self.account.intent(reference)
        except RejectedError as error:
            raise _decline(error) from None
        self.lookup.places.note(self.mark, Place(intent=reference))
        if intent.metadata.get(KEY) == self.mark:
            return self._read(intent)
        self._check_claimable(intent)
        # Under our key first, so that a void of which the PaymentIntent is unknown sees that a claim has begun; then
        # under the PaymentIntent's own, so that of two keys one claims it.
        try:
            self._mark(intent, f"{self.mark}/claim", CLAIM)
        except KeyUsedError:
            raise PaymentDeclinedError("withdrawn") from None
        try:
            return self._read(self._mark(intent, f"{reference}/claimed", KEY))
        except KeyUsedError:
            self._check_claimable(self.account.intent(reference))
            raise

    def _check_claimable(self, intent: Intent) -> None:
        if KEY in intent.metadata:
            raise PaymentDeclinedError("claimed by another payment")
        _check_processed(intent)
        if intent.status == "requires_action":
            raise ActionRequiredError(intent.id)
        if intent.status != "requires_capture" or intent.capture_method != "manual":
            raise PaymentDeclinedError(f"the PaymentIntent is {intent.status}")
        if (intent.amount, intent.currency) != (self.units, self.currency):
            raise PaymentDeclinedError("the PaymentIntent has another amount")
        if intent.latest_charge is None or intent.latest_charge.ends_at is None:
            raise PaymentDeclinedError("it is not known when the authorisation ends")

    def _mark(self, intent: Intent, idempotency_key: str, name: str) -> Intent:
        def done() -> Intent | None:
            now = self.account.intent(intent.id)
            return now if now.metadata.get(name) == self.mark else None

        metadata = {name: self.mark} | ({TENANT: self.tenant} if name == KEY else {})
        return self.account.update_intent(idempotency_key, intent.id, metadata, done)

    def _charge(self, method: str) -> Authorised:
        """Charge a saved payment method while its cardholder is away."""
        try:
            saved = self.account.payment_method(method)
        except RejectedError as error:
            raise _decline(error) from None
        customer = saved.customer
        if customer is None or saved.type != "card":
            raise PaymentDeclinedError("the payment method is no saved card")
        if (place := self.lookup.places.get(self.mark)) is None or place.intent is None:
            self.lookup.places.note(self.mark, Place(customer=customer))
        intent = self.lookup.find_known(self.mark) or self._create(method, customer)
        self.lookup.places.note(self.mark, Place(intent=intent.id))
        return self._read(intent)

    def _create(self, method: str, customer: str) -> Intent:
        params: PaymentIntentCreateParams = {
            "amount": self.units,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "currency": self.currency,
            "capture_method": "manual",
            "confirm": True,
            "customer": customer,
            "metadata": {KEY: self.mark, TENANT: self.tenant},
            "off_session": True,
            "payment_method": method,
        }
        try:
            return self.account.create_intent(
                f"{self.mark}/authorise", params, lambda: self.lookup.find_at_customer(self.mark, customer)
            )
        except KeyUsedError:
            # A void has taken the key out of use.
            raise PaymentDeclinedError("withdrawn") from None
        except RejectedError as error:
            refused = self.lookup.find_at_customer(self.mark, customer) if _needs_payer(error) else None
            if refused is None:
                raise _decline(error) from None
            return refused

    def _hand_over(self, intent: Intent) -> None:
        """Leave a PaymentIntent to the shop, whose payer must act: what becomes of it is not under our key any more.

        The shop reads it by its id, lets the payer authenticate, and pays with it as with one of its own.
        """

        def done() -> Intent | None:
            now = self.account.intent(intent.id)
            return now if now.metadata.get(HANDED_OVER) == self.mark else None

        metadata = {HANDED_OVER: self.mark, KEY: "", TENANT: ""}
        left = self.account.update_intent(f"{self.mark}/hand-over", intent.id, metadata, done)
        if left.id != intent.id or left.metadata.get(HANDED_OVER) != self.mark or left.metadata.get(KEY) == self.mark:
            raise ProviderUnavailableError("the PaymentIntent is not left to the shop")

    def _read(self, intent: Intent) -> Authorised:
        """Return the authorisation that a PaymentIntent is. Raises PaymentDeclinedError if it is none any more.

        Raises ActionRequiredError when its payer must act first.
        """
        if intent.metadata.get(HANDED_OVER) == self.mark:
            raise ActionRequiredError(intent.id)
        if intent.metadata.get(KEY) != self.mark:
            raise ProviderUnavailableError("the PaymentIntent has another key")
        if PLACEHOLDER in intent.metadata:
            raise PaymentDeclinedError("withdrawn")
        if (intent.amount, intent.currency, intent.capture_method) != (self.units, self.currency, "manual"):
            raise ProviderUnavailableError("something else is authorised")
        if intent.status in ("requires_capture", "succeeded"):
            return self._read_end(intent)
        if intent.needs_payer:
            self._hand_over(intent)
            raise ActionRequiredError(intent.id)
        _check_processed(intent)
        raise PaymentDeclinedError(intent.status)

    def _read_end(self, intent: Intent) -> Authorised:
        ends_at = intent.latest_charge.ends_at if intent.latest_charge else None
        if intent.status == "requires_capture" and ends_at is None:
            raise ProviderUnavailableError("it is not known when the authorisation ends")
        return Authorised(intent.id, ends_at)


def authorise(account: Account, lookup: Lookup, tenant: str, key: str, amount: Money, token: str) -> Authorised:
    """Authorise an amount. Raises PaymentDeclinedError, also for one that Stripe cannot move exactly.

    Raises ActionRequiredError when the payer must act first.
    """
    try:
        units = to_stripe(amount)
    except UnpayableAmountError:
        raise PaymentDeclinedError("amount") from None
    return Authorisation(account, lookup, tenant, key, units, amount.currency.lower()).authorise(token)


def _check_processed(intent: Intent) -> None:
    if intent.status == "processing":
        raise ProviderUnavailableError("the payment is being processed")


def _needs_payer(error: RejectedError) -> bool:
    return error.card and error.code == AUTHENTICATION_REQUIRED


def _decline(error: RejectedError) -> PaymentDeclinedError | RejectedError:
    """Return the refusal that an error is, or the error itself, which is a fault."""
    if error.card or error.code in _DECLINED_CODES or error.param in _DECLINED_PARAMS:
        return PaymentDeclinedError(error.code or error.param)
    return error
