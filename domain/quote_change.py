"""Prices a draft against the last confirmed version: the only place where the cost of a change is worked out."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from domain.changes import ChangeWarning
from domain.money import Money, included_tax, total, zero
from domain.orders import Fee, Order, OrderLine, PriceGroup
from domain.planning.builder import CatalogueSlice
from domain.planning.plan import Plan
from domain.price_groups import GroupPrice
from domain.projection import Line, Projection, project
from domain.quotes import Quote, QuotedFee, QuotedLine, undecided_groups
from domain.refusals import OfferExpired, PriceAboveLimit, RefundUndecided, all_refusals
from domain.settlement import balance_of, to_release
from domain.taxes import TaxPerRate, tax_difference, taxes_of
from domain.time_limits import check_limits, limits

EXCHANGE_IS_CHEAPER = "EXCHANGE_IS_CHEAPER"
"""Warning code: the same lines cost less as one exchange than as a removal and an addition."""


def check_plan_times(order: Order, plan: Plan, catalogue: CatalogueSlice, now: datetime) -> None:
    """Raise the refusal of a time that has passed for what the draft does with this change (rules T1 and T4).

    What earlier changes do counts, too: a draft whose time is over would end at once, with this change in it. Raises
    OfferExpired from the instant a bundle expires, ServiceDeparted, ValidityStarted, ValidityOver, NotReturnable.
    """
    renewed = {line.offer_bundle for line in order.live_lines}
    for line in plan.adds:
        bundle = catalogue.bundles.get(line.offer_bundle or "")
        if bundle is not None and bundle.expired(now) and line.offer_bundle not in renewed:
            raise OfferExpired({"offer_bundle": bundle.id})
    check_limits(limits(order, project(order, plan), catalogue.services), now)


def quote_change(order: Order, plan: Plan, catalogue: CatalogueSlice) -> Quote:
    """Return the quote of a plan. Raises the first refusal about its products."""
    for refusal in plan.refusals:
        raise all_refusals()[refusal.code](*refusal.members)
    return quote_projection(order, project(order, plan), catalogue)


def quote_projection(order: Order, projection: Projection, catalogue: CatalogueSlice) -> Quote:
    """Return the quote of what a draft leaves. Money is in minor units of the order's currency."""
    groups = [_group_price(each, order, projection, catalogue) for each in projection.groups]
    charges = [fee for group in groups for fee in group.fees]
    kept = [fee for group in groups for fee in group.kept_fees]
    old, new = order.sum(_prices(projection.given_up)), order.sum(_prices(projection.taken))
    fee, not_refundable = order.sum(each.amount for each in charges), order.sum(each.amount for each in kept)
    difference = new + fee - old
    entries = _entries(projection.lines, (*order.confirmed_fees, *charges, *kept))
    due = order.sum(amount for amount, _ in entries)
    taxes = tax_difference(taxes_of(entries, order.tax_rounding, order.currency), _taxes_before(order), order.currency)
    nothing = zero(order.currency)
    found = limits(order, projection, catalogue.services)
    return Quote(
        old_price=old,
        new_price=new,
        fee=fee,
        tax=order.sum(each.tax for each in taxes),
        taxes=taxes,
        difference=difference,
        to_refund=max(-(difference + not_refundable), nothing),
        not_refundable=not_refundable,
        undecided=order.sum(group.keepable for group in groups if group.group.refund is None),
        balance=balance_of(due, order.payments),
        to_release=to_release(due, order.payments),
        lines=_quoted_lines(projection),
        fees=(*charges, *kept),
        groups=tuple(group.quoted() for group in groups),
        limit=found[0] if found else None,
        warnings=_warnings(groups),
    )


def check_quote(quote: Quote, plan: Plan, at_most: Money | None) -> None:
    """Check what a change costs before anything is done.

    Raises RefundUndecided for a surplus of a group that the change makes or joins while nobody has decided, and
    PriceAboveLimit when the balance is above the request's limit. Each says the amount.
    """
    undecided = undecided_groups(quote, [group.id for group in plan.groups])
    if undecided:
        amount = total((group.surplus for group in undecided), quote.balance.currency)
        lines: list[dict[str, str | int]] = [{"line": line} for group in undecided for line in group.given_up]
        raise RefundUndecided({"amount": str(amount), "currency": amount.currency}, *lines)
    check_at_most(quote.balance, at_most)


def check_at_most(balance: Money, at_most: Money | None) -> None:
    """Raise PriceAboveLimit, with the amount, when a request would cost more than its limit."""
    if at_most is not None and at_most < balance:
        raise PriceAboveLimit({"amount": str(balance), "currency": balance.currency})


def _group_price(group: PriceGroup, order: Order, projection: Projection, catalogue: CatalogueSlice) -> GroupPrice:
    return GroupPrice(
        group=group,
        given_up=[line for line in projection.given_up if line.sale in group.given_up],
        taken=[line for line in projection.taken if line.sale in group.taken],
        services=catalogue.services,
        currency=order.currency,
    )


def _prices(lines: Iterable[Line]) -> list[Money]:
    return [line.price for line in lines]


def _entries(lines: Iterable[Line], fees: Iterable[QuotedFee | Fee]) -> list[tuple[Money, Decimal]]:
    return [*((line.price, line.tax_rate) for line in lines), *((fee.amount, fee.tax_rate) for fee in fees)]


def _taxes_before(order: Order) -> Sequence[TaxPerRate]:
    confirmed: Sequence[OrderLine] = order.confirmed_lines if order.confirmed_version else ()
    return taxes_of(_entries(confirmed, order.confirmed_fees), order.tax_rounding, order.currency)


def _quoted_lines(projection: Projection) -> tuple[QuotedLine, ...]:
    return (
        *(_quoted(line, taken=False) for line in projection.given_up),
        *(_quoted(line, taken=True) for line in projection.taken),
    )


def _quoted(line: Line, *, taken: bool) -> QuotedLine:
    tax = included_tax(line.price, line.tax_rate)
    return QuotedLine(
        line=line.id, product=line.product, travellers=line.travellers, taken=taken, price=line.price, tax=tax
    )


def _warnings(groups: Sequence[GroupPrice]) -> tuple[ChangeWarning, ...]:
    """Warn when a removal and an addition would cost less as one exchange: a removal that is kept pays for nothing."""
    kept = [group for group in groups if group.kept.minor and not group.taken]
    added = any(group.taken and not group.given_up for group in groups)
    return (ChangeWarning(code=EXCHANGE_IS_CHEAPER),) if kept and added else ()
