"""Tax per rate: base and tax that add up to an amount that includes them (rule M4)."""

from collections.abc import Iterable
from decimal import Decimal

from domain.model import Model
from domain.money import Money, included_tax, zero
from domain.orders import TaxRounding


class TaxPerRate(Model):
    """The tax of one rate and its base, which together are the price of what has that rate."""

    rate: Decimal
    base: Money
    tax: Money


def taxes_of(entries: Iterable[tuple[Money, Decimal]], rounding: TaxRounding, currency: str) -> tuple[TaxPerRate, ...]:
    """Return base and tax per rate of amounts with their rates, in ascending order of the rates.

    Tax is rounded for each amount, or once for all amounts of a rate.
    """
    by_rate: dict[Decimal, list[Money]] = {}
    for amount, rate in entries:
        by_rate.setdefault(rate.normalize(), []).append(amount)
    return tuple(_per_rate(rate, amounts, rounding, currency) for rate, amounts in sorted(by_rate.items()))


def _per_rate(rate: Decimal, amounts: list[Money], rounding: TaxRounding, currency: str) -> TaxPerRate:
    gross = tax = zero(currency)
    for amount in amounts:
        gross += amount
        tax += included_tax(amount, rate)
    if rounding is TaxRounding.RATE:
        tax = included_tax(gross, rate)
    return TaxPerRate(rate=rate, base=gross - tax, tax=tax)


def tax_difference(after: Iterable[TaxPerRate], before: Iterable[TaxPerRate], currency: str) -> tuple[TaxPerRate, ...]:
    """Return base and tax per rate after, less before; a rate that is on one side only counts as zero on the other."""
    nothing = zero(currency)
    later = {each.rate: each for each in after}
    earlier = {each.rate: each for each in before}
    differences = []
    for rate in sorted({*later, *earlier}):
        empty = TaxPerRate(rate=rate, base=nothing, tax=nothing)
        one, other = later.get(rate, empty), earlier.get(rate, empty)
        differences.append(TaxPerRate(rate=rate, base=one.base - other.base, tax=one.tax - other.tax))
    return tuple(each for each in differences if each.base.minor or each.tax.minor)
