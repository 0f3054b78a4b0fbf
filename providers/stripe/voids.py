"""Voids authorisations, and takes keys out of use under which nothing is authorised yet."""

from datetime import timedelta

from stripe.params import PaymentIntentCreateParams

from providers.errors import ProviderUnavailableError
from providers.stripe.account import Account
from providers.stripe.failures import KeyUsedError, RejectedError
from providers.stripe.lookup import Lookup, Place
from providers.stripe.objects import CLAIM, HANDED_OVER, KEY, PLACEHOLDER, TENANT, Intent, mark_of
from store.database.store import utc_now

_KEYS_REMEMBERED = timedelta(days=3)
"""Stripe forgets an idempotency key after a day at the earliest; longer, so that our clock may be wrong by days."""
_PLACEHOLDER: PaymentIntentCreateParams = {"amount": 100, "currency": "usd", "capture_method": "manual"}
"""A PaymentIntent that is never confirmed: it sets nothing aside."""


def void(account: Account, lookup: Lookup, tenant: str, key: str, reference: str | None) -> None:
    """Void the authorisation under a key, if any; nothing is authorised under the key from then on."""
    mark = mark_of(tenant, key)
    if reference is not None:
        intent = account.intent(reference)
        if intent.metadata.get(KEY) != mark:
            raise ProviderUnavailableError("the PaymentIntent has another key")
        lookup.places.note(mark, Place(intent=intent.id))
        cancel(account, void_key(mark), intent)
        return
    place = lookup.places.get(mark)
    intent = lookup.find_authorisation(mark) or _take_out_of_use(account, lookup, tenant, mark, place)
    if intent.metadata.get(HANDED_OVER) == mark:
        # Nothing is authorised under the key, and it is used: what the shop makes of it is not ours to cancel.
        return
    if PLACEHOLDER in intent.metadata:
        intent = _void_claim(account, lookup, mark, intent, place)
    cancel(account, void_key(mark), intent)
    lookup.places.note(mark, Place(intent=intent.id))


def _take_out_of_use(account: Account, lookup: Lookup, tenant: str, mark: str, place: Place | None) -> Intent:
    """Use the idempotency key of the authorisation for something else, or return what it was used for.

    An authorisation that arrives later finds its key used. If it was used before, the customer's list says what for, or
    the list of the latest PaymentIntents; if for nothing, an error is stored under it, and the next number is used.
    """

    def used_for() -> Intent | None:
        if place is not None and place.customer is not None:
            return lookup.find_at_customer(mark, place.customer)
        return lookup.find_since(mark, int((utc_now() - _KEYS_REMEMBERED).timestamp()))

    metadata = {KEY: mark, TENANT: tenant, PLACEHOLDER: "void"}
    return account.create_intent(
        f"{mark}/authorise",
        {**_PLACEHOLDER, "metadata": metadata},
        used_for,
        pass_used=True,
    )


def _void_claim(account: Account, lookup: Lookup, mark: str, placeholder: Intent, place: Place | None) -> Intent:
    """Cancel the placeholder under the key of a claim; return what is left to cancel.

    If that key is used, a claim of the shop's PaymentIntent has begun. Where that one is known, it was not claimed: it
    would have been found.
    """
    try:
        cancel(account, f"{mark}/claim", placeholder)
    except KeyUsedError:
        if place is not None and place.intent is not None:
            return placeholder
        claimed = [each for each in lookup.search(mark, CLAIM) if each.metadata.get(CLAIM) == mark]
        if not claimed:
            raise ProviderUnavailableError("the claimed PaymentIntent is not found yet") from None
        return next((each for each in claimed if each.metadata.get(KEY, mark) == mark), placeholder)
    return account.intent(placeholder.id)


def void_key(mark: str) -> str:
    """Return the idempotency key of the void of what our key has authorised."""
    return f"{mark}/void"


def cancel(account: Account, idempotency_key: str, intent: Intent) -> None:
    """Cancel a PaymentIntent; one that is cancelled or has ended already is left alone."""

    def done() -> Intent | None:
        now = account.intent(intent.id)
        return now if now.status == "canceled" else None

    if intent.status == "canceled":
        return
    try:
        cancelled: Intent | None = account.cancel_intent(idempotency_key, intent.id, done)
    except RejectedError:
        # It may have been cancelled, or have ended, meanwhile.
        if (cancelled := done()) is None:
            raise
    if cancelled is None or cancelled.id != intent.id or cancelled.status != "canceled":
        raise ProviderUnavailableError("the PaymentIntent is not cancelled")
