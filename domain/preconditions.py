"""Whether an order's state admits what is asked, before anything else is looked at."""

from collections.abc import Mapping

from domain.money import Money
from domain.orders import Order, OrderStatus
from domain.products import Product
from domain.refusals import (
    BalanceNotZero,
    CurrencyMismatch,
    NoDraft,
    OrderCancelled,
    OrderEmpty,
    OrderExpired,
    PaymentTooHigh,
)
from domain.traveller_rules import require_fields


def check_confirm(order: Order, products: Mapping[str, Product], *, pays: bool) -> Money:
    """Return what is still owed for a confirmation; zero when nothing is, or the customer is owed.

    Raises OrderExpired, OrderCancelled, OrderEmpty, TravellersIncomplete and BalanceNotZero.
    """
    _check_open(order)
    if not order.draft_opened_by:
        raise OrderEmpty
    travellers = {each.id: each for each in order.travellers}
    require_fields(order.live_lines, travellers, products, for_order=True)
    return check_paid(order.balance, pays=pays)


def check_paid(balance: Money, *, pays: bool) -> Money:
    """Return what a confirmation must set aside; BalanceNotZero when that is something and nobody pays."""
    owed = max(balance, balance - balance)
    if owed.minor and not pays:
        raise BalanceNotZero
    return owed


def check_pay(order: Order, amount: Money | None) -> Money:
    """Return what to set aside. Raises OrderExpired, OrderCancelled, CurrencyMismatch, PaymentTooHigh."""
    _check_open(order)
    if amount is None or amount.currency != order.currency:
        raise CurrencyMismatch
    if order.balance < amount:
        raise PaymentTooHigh
    return amount


def check_extend(order: Order) -> None:
    """Raise NoDraft unless a draft with a deadline is open."""
    if order.draft_opened_by is None:
        raise NoDraft


def _check_open(order: Order) -> None:
    if order.status is OrderStatus.CANCELLED:
        raise OrderCancelled
    if order.status is OrderStatus.EXPIRED:
        raise OrderExpired
