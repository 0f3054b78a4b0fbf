"""Refunds captures."""

from stripe.params import RefundCreateParams

from domain.money import Money
from providers.errors import ProviderUnavailableError, RefundDeclinedError
from providers.protocols import RefundState
from providers.stripe.account import Account
from providers.stripe.amounts import UnpayableAmountError, to_stripe
from providers.stripe.failures import RejectedError
from providers.stripe.lookup import Lookup, Place, refund_state
from providers.stripe.objects import KEY, TENANT, Charge, Intent, Refund, mark_of, refund_pointer

_DECLINED_CODES = ("charge_disputed", "charge_not_refundable", "refund_disputed_payment")
"""That a charge has less left than our ledger has is none of them: it was refunded at Stripe by other means.

A decline would move the refund to another card, which pays it twice. As a fault it is a case of an operator.
"""


def refund(account: Account, lookup: Lookup, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
    """Refund an amount of a charge, once. Raises RefundDeclinedError."""
    mark, charge = mark_of(tenant, key), account.charge(capture)
    if charge.currency != amount.currency.lower() or charge.payment_intent is None:
        raise ProviderUnavailableError("the charge has no payment or another currency")
    try:
        units = to_stripe(amount)
    except UnpayableAmountError:
        raise RefundDeclinedError("amount") from None
    lookup.places.note(mark, Place(intent=charge.payment_intent))
    refunded = lookup.find_refund(mark, charge.id)
    if refunded is None:
        _point_at(account, mark, charge.payment_intent)
        refunded = _create(account, lookup, tenant, mark, charge, units)
    if (refunded.charge, refunded.amount, refunded.currency) != (charge.id, units, charge.currency):
        raise ProviderUnavailableError("another refund was done")
    state = refund_state(refunded)
    if state is RefundState.FAILED:
        raise RefundDeclinedError(refunded.status)
    return state


def _point_at(account: Account, mark: str, intent: str) -> None:
    """Write the refund's key on the PaymentIntent, before there is a refund: by that it is found."""
    name = refund_pointer(mark)

    def done() -> Intent | None:
        now = account.intent(intent)
        return now if now.metadata.get(name) == mark else None

    pointed = account.update_intent(f"{mark}/refund-pointer", intent, {name: mark}, done)
    if pointed.metadata.get(name) != mark:
        raise ProviderUnavailableError("the refund would not be found")


def _create(account: Account, lookup: Lookup, tenant: str, mark: str, charge: Charge, units: int) -> Refund:
    params: RefundCreateParams = {"amount": units, "charge": charge.id, "metadata": {KEY: mark, TENANT: tenant}}
    try:
        refunded = account.create_refund(f"{mark}/refund", params, lambda: lookup.find_refund(mark, charge.id))
    except RejectedError as error:
        if error.code in _DECLINED_CODES:
            raise RefundDeclinedError(error.code) from None
        raise
    if refunded.metadata.get(KEY) != mark:
        raise ProviderUnavailableError("the refund has another key")
    return refunded
