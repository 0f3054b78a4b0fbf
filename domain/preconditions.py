"""Preconditions of a request in the order's state, checked before any other rule."""

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
    """Return the amount due for a confirmation; zero when nothing is due or a refund is due to the customer.

    Raises OrderExpired, OrderCancelled, OrderEmpty, TravellersIncomplete and BalanceNotZero.
    """
    _check_open(order)
    if not order.draft_opened_by:
        raise OrderEmpty
    travellers = {each.id: each for each in order.travellers}
    require_fields(order.live_lines, travellers, products, for_order=True)
    return check_paid(order.balance, pays=pays)


def check_paid(balance: Money, *, pays: bool) -> Money:
    """Return the amount a confirmation must authorise; BalanceNotZero when it is above zero and no payment is sent."""
    amount_due = max(balance, balance - balance)
    if amount_due.minor and not pays:
        raise BalanceNotZero
    return amount_due


def check_pay(order: Order, amount: Money | None) -> Money:
    """Return the amount to authorise. Raises OrderExpired, OrderCancelled, CurrencyMismatch, PaymentTooHigh."""
    _check_open(order)
    if amount is None or amount.currency != order.currency:
        raise CurrencyMismatch
    if order.balance < amount:
        raise PaymentTooHigh
    return amount


def check_extend(order: Order) -> None:
    """Raise NoDraft unless a draft is open."""
    if order.draft_opened_by is None:
        raise NoDraft


def _check_open(order: Order) -> None:
    if order.status is OrderStatus.CANCELLED:
        raise OrderCancelled
    if order.status is OrderStatus.EXPIRED:
        raise OrderExpired
