"""Lists Stripe's book: what became of each PaymentIntent under our keys.

A list is exact, newest PaymentIntent first. What it shows is read as it is at that moment, so the movements of a
payment are worked out from the PaymentIntent, its charge and its refunds.
"""

from collections.abc import Iterator
from datetime import timedelta

from domain.money import Money
from providers.protocols import Movement, MovementKind, MovementPage
from providers.stripe.account import Account
from providers.stripe.amounts import from_stripe
from providers.stripe.lookup import Lookup, Place
from providers.stripe.objects import KEY, PLACEHOLDER, TENANT, Charge, Intent, mark_of
from store.database.store import utc_now

_NOT_PAID = ("failed", "canceled")
"""States of refunds that moved nothing, or moved back."""
_RECENT = timedelta(days=3)
"""How far back a payment is looked for that neither the listed book nor a search has shown."""


def list_movements(lookup: Lookup, tenant: str, after: str | None) -> MovementPage:
    """Return the movements of the next PaymentIntents of a tenant, from the one after an id on."""
    intents, last = lookup.account.intents_page(after, KEY)
    movements: list[Movement] = []
    for intent in intents:
        if (payment := _payment_of(intent, tenant)) is not None:
            # So that the same payment, if it differs, is read by its id.
            lookup.places.note(intent.metadata[KEY], Place(intent=intent.id))
            movements += movements_of_intent(lookup.account, intent, payment)
    return MovementPage(tuple(movements), last)


def list_movements_of(lookup: Lookup, tenant: str, payment: str) -> list[Movement]:
    """Return the movements of one payment, as they are now.

    A search that finds nothing says nothing, so the latest PaymentIntents are listed then. Older ones were in the book.
    """
    mark = mark_of(tenant, payment)
    intent = lookup.find_authorisation(mark)
    if intent is None or intent.metadata.get(KEY) != mark:
        intent = lookup.find_since(mark, int((utc_now() - _RECENT).timestamp()))
    if intent is None or _payment_of(intent, tenant) != payment:
        return []
    return list(movements_of_intent(lookup.account, intent, payment))


def movements_of_intent(account: Account, intent: Intent, payment: str) -> Iterator[Movement]:
    """Yield the movements of a PaymentIntent, in the order in which they were made."""
    if PLACEHOLDER in intent.metadata:
        yield Movement(MovementKind.VOID, payment, None)
        return
    charge = intent.latest_charge
    if charge is None or charge.status != "succeeded":
        return
    yield Movement(MovementKind.AUTHORISE, payment, from_stripe(intent.amount, intent.currency))
    if intent.status == "canceled":
        yield Movement(MovementKind.VOID, payment, from_stripe(intent.amount, intent.currency))
    if charge.captured:
        yield Movement(MovementKind.CAPTURE, payment, from_stripe(intent.amount_received, intent.currency))
        for amount in _refunded(account, intent, charge):
            yield Movement(MovementKind.REFUND, payment, amount)


def _refunded(account: Account, intent: Intent, charge: Charge) -> Iterator[Money]:
    """Yield what was refunded of a charge, by us or by others; a pending refund counts.

    What a capture of less has released may be listed as a refund, too, without our key.
    """
    if not charge.amount_refunded:
        return
    # Listed newest first.
    refunds = [each for each in reversed(account.refunds_of(charge.id)) if each.status not in _NOT_PAID]
    released = intent.amount - intent.amount_received
    release = next((each for each in refunds if KEY not in each.metadata and each.amount == released), None)
    for each in refunds:
        if each is not release:
            yield from_stripe(each.amount, each.currency)


def _payment_of(intent: Intent, tenant: str) -> str | None:
    """Return our key of a PaymentIntent of a tenant; None if it is not one of the tenant's."""
    mark, prefix = intent.metadata.get(KEY, ""), mark_of(tenant, "")
    is_ours = intent.metadata.get(TENANT) == tenant and mark.startswith(prefix)
    return mark.removeprefix(prefix) if is_ours else None
