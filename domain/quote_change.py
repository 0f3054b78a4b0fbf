"""Prices a plan against the last confirmed version: each fee once, and a return to what was sold for free."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain.money import Money, included_tax, zero
from domain.orders import FeeKind, Order, OrderLine
from domain.planning.builder import CatalogueSlice
from domain.planning.plan import Plan, PlannedLine
from domain.products import price_for
from domain.quotes import Quote, QuotedFee, QuotedLine
from domain.refusals import NotOffered, OfferExpired, ServiceDeparted
from domain.settlement import paid
from domain.travellers import Traveller


@dataclass(frozen=True)
class _Exchange:
    """The lines the draft gives up from the confirmed version, and the lines it takes instead."""

    given_up: tuple[OrderLine, ...]
    taken: tuple[OrderLine | PlannedLine, ...]
    kept: tuple[OrderLine, ...]
    restored: Mapping[str, OrderLine]
    """By id of a taken line: the given-up line that sold exactly the same."""


def quote_change(order: Order, plan: Plan, catalogue: CatalogueSlice, now: datetime) -> Quote:
    """Return the quote of a plan. Money is in minor units of the order's currency.

    Raises OfferExpired from the instant a bundle expires, ServiceDeparted, and NotOffered when a
    line of an expired order no longer has a price.
    """
    _check_times(order, plan, catalogue, now)
    exchange = _exchange(order, plan)
    prices = {line.id: _price(line, exchange, order, plan, catalogue) for line in plan.adds}
    sold_at = {line.id: line.price for line in order.live_lines} | prices
    taken = [_quoted(line, sold_at[line.id], taken=True) for line in exchange.taken]
    given_up = [_quoted(line, line.price, taken=False) for line in exchange.given_up]
    new, old = order.sum(line.price for line in taken), order.sum(line.price for line in given_up)
    charges = _change_fees(exchange)
    fee = order.sum(each.amount for each in charges)
    difference = new + fee - old
    refund_due = max(-difference, zero(order.currency))
    kept = zero(order.currency) if plan.refund_price_difference else refund_due
    fees = (*charges, *_kept_fee(kept, exchange))
    unchanged = order.sum(line.price for line in exchange.kept) + order.sum(f.amount for f in order.confirmed_fees)
    due = unchanged + new + order.sum(each.amount for each in fees)
    return Quote(
        old_price=old,
        new_price=new,
        fee=fee,
        tax=order.sum(line.tax for line in taken)
        + order.sum(each.tax for each in fees)
        - order.sum(line.tax for line in given_up),
        difference=difference,
        to_refund=refund_due - kept,
        not_refundable=kept,
        balance=due - paid(order.payments, order.currency),
        lines=(*given_up, *taken),
        fees=fees,
        prices=prices,
    )


def _check_times(order: Order, plan: Plan, catalogue: CatalogueSlice, now: datetime) -> None:
    for line in plan.adds:
        newly_offered = line.offered_price is not None and line.offer_bundle is not None
        if newly_offered and catalogue.bundles[line.offer_bundle or ""].expired(now):
            raise OfferExpired
    # A line that exists only in the draft was never sold, so it may be removed even after its departure.
    given_up = [line for line in order.confirmed_lines if line.id in plan.removes]
    touched: list[OrderLine | PlannedLine] = [*plan.adds, *given_up]
    services = {line.service for line in touched if line.service}
    if any(catalogue.services[service].departed(now) for service in services):
        raise ServiceDeparted


def _exchange(order: Order, plan: Plan) -> _Exchange:
    confirmed = {line.id for line in order.confirmed_lines}
    staying = tuple(line for line in order.live_lines if line.id not in plan.removes)
    stays = {line.id for line in staying}
    given_up = tuple(line for line in order.confirmed_lines if line.id not in stays)
    earlier = tuple(line for line in staying if line.id not in confirmed)
    taken: tuple[OrderLine | PlannedLine, ...] = (*earlier, *plan.adds)
    return _Exchange(
        given_up=given_up,
        taken=taken,
        kept=tuple(line for line in staying if line.id in confirmed),
        restored=_find_restored(given_up, taken),
    )


def _find_restored(given_up: Sequence[OrderLine], taken: Sequence[OrderLine | PlannedLine]) -> dict[str, OrderLine]:
    open_lines = list(given_up)
    restored: dict[str, OrderLine] = {}
    for line in taken:
        original = next((each for each in open_lines if _sale(each) == _sale(line)), None)
        if original:
            open_lines.remove(original)
            restored[line.id] = original
    return restored


def _sale(line: OrderLine | PlannedLine) -> tuple[object, ...]:
    """Return what a line sells to which travellers, without its price."""
    is_supplement = line.supplement_of is not None
    return line.product, line.service, line.valid_from, frozenset(line.travellers), is_supplement


def _price(line: PlannedLine, exchange: _Exchange, order: Order, plan: Plan, catalogue: CatalogueSlice) -> Money:
    if line.id in exchange.restored:
        return exchange.restored[line.id].price
    if line.offered_price is not None:
        return line.offered_price
    if line.supplement_of:
        supplement = catalogue.supplements.get(line.product)
        if supplement is None:
            raise NotOffered
        return supplement.price
    return _price_again(line, order, plan, catalogue)


def _price_again(line: PlannedLine, order: Order, plan: Plan, catalogue: CatalogueSlice) -> Money:
    travellers: dict[str, Traveller] = {each.id: each for each in (*order.travellers, *plan.travellers)}
    product = catalogue.products.get(line.product)
    birth_dates = [travellers[each].birth_date for each in line.travellers]
    if product is None:
        raise NotOffered
    prices = [price_for(product, birth, line.first_day) if birth else None for birth in birth_dates]
    known = [price for price in prices if price is not None]
    if len(known) != len(prices):
        raise NotOffered
    return known[0] if product.group else order.sum(known)


def _quoted(line: OrderLine | PlannedLine, price: Money, *, taken: bool) -> QuotedLine:
    tax = included_tax(price, line.tax_rate)
    return QuotedLine(line=line.id, product=line.product, travellers=line.travellers, taken=taken, price=price, tax=tax)


def _change_fees(exchange: _Exchange) -> tuple[QuotedFee, ...]:
    free = {line.id for line in exchange.restored.values()}
    return tuple(
        QuotedFee(kind=FeeKind.CHANGE, line=line.id, amount=line.terms.change_fee, tax_rate=line.tax_rate)
        for line in exchange.given_up
        if line.id not in free and line.terms.change_fee.minor
    )


def _kept_fee(kept: Money, exchange: _Exchange) -> tuple[QuotedFee, ...]:
    if not kept.minor:
        return ()
    rate: Decimal = exchange.given_up[0].tax_rate
    return (QuotedFee(kind=FeeKind.CHANGE_NON_REFUNDABLE, line=None, amount=kept, tax_rate=rate),)
