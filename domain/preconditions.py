"""Preconditions of a request in the order's state, checked when the request has its turn."""

from datetime import datetime

from domain.accompaniment import check_accompanied
from domain.changes import ChangeRequest
from domain.money import Money
from domain.named_lines import check_named_lines
from domain.orders import Order, OrderStatus
from domain.planning.builder import CatalogueSlice
from domain.projection import project
from domain.quote_change import check_at_most
from domain.refusals import (
    BalanceNotZero,
    CurrencyMismatch,
    NoDraft,
    OrderCancelled,
    OrderEmpty,
    OrderExpired,
    PaymentTooHigh,
)
from domain.time_limits import LatestDeadline, TimeLimit, check_limits, limits
from domain.traveller_rules import require_fields


def check_confirm(
    order: Order, request: ChangeRequest, catalogue: CatalogueSlice, now: datetime
) -> tuple[Money, TimeLimit | None]:
    """Return the amount due for a confirmation, zero if none, and the earliest time limit of what it does.

    Raises OrderExpired, OrderCancelled, OrderEmpty, what `check_named_lines` and `check_limits` raise, AccompaniedOnly,
    TravellersIncomplete, PriceAboveLimit and BalanceNotZero.
    """
    _check_open(order)
    if not order.draft_opened_by:
        raise OrderEmpty
    check_named_lines(order, request.confirm_lines)
    projection = project(order)
    found = limits(order, projection, catalogue.services)
    check_limits(found, now)
    check_accompanied(projection.lines, catalogue.products)
    require_fields(order.live_lines, projection.travellers, catalogue.products, for_order=True)
    check_at_most(order.balance, request.at_most)
    return check_paid(order.balance, pays=request.payment is not None), found[0] if found else None


def check_paid(balance: Money, *, pays: bool) -> Money:
    """Return the amount a confirmation must authorise; BalanceNotZero when it is above zero and no payment is sent."""
    amount_due = max(balance, balance - balance)
    if amount_due.minor and not pays:
        raise BalanceNotZero({"amount": str(amount_due), "currency": amount_due.currency})
    return amount_due


def check_pay(order: Order, amount: Money | None, catalogue: CatalogueSlice, now: datetime) -> Money:
    """Return the amount to authorise.

    Raises OrderExpired, OrderCancelled, what `check_limits` raises, CurrencyMismatch and PaymentTooHigh: no money is
    set aside for what can no longer be confirmed.
    """
    _check_open(order)
    check_limits(limits(order, project(order), catalogue.services), now)
    if amount is None or amount.currency != order.currency:
        raise CurrencyMismatch
    if order.balance < amount:
        raise PaymentTooHigh({"amount": str(order.balance), "currency": order.currency})
    return amount


def check_extend(order: Order, deadline: datetime | None, latest: LatestDeadline | None) -> None:
    """Raise NoDraft unless a draft is open, and DeadlineTooLate for a deadline that it does not allow."""
    if order.draft_opened_by is None:
        raise NoDraft
    if deadline is not None and latest is not None:
        latest.check(deadline)


def _check_open(order: Order) -> None:
    if order.status is OrderStatus.CANCELLED:
        raise OrderCancelled
    if order.status is OrderStatus.EXPIRED:
        raise OrderExpired
