"""The tax included in an order's prices, per rate: rounded per line, or once per rate over the whole order."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum

from domain.model import Model
from domain.money import Money, included_tax, total, zero


class TaxRounding(StrEnum):
    """How tax is rounded: per line, or per rate over the whole order."""

    LINE = "line"
    RATE = "rate"


class TaxPerRate(Model):
    """The part of an amount that is taxed at one rate: the base without tax, and the tax."""

    rate: Decimal
    base: Money
    tax: Money

    @property
    def gross(self) -> Money:
        """The base with its tax."""
        return self.base + self.tax


def taxes_of(entries: Iterable[tuple[Money, Decimal]], rounding: TaxRounding, currency: str) -> tuple[TaxPerRate, ...]:
    """Return base and tax of each rate, lowest rate first. Together they are exactly the sum of the entries.

    An entry is a price that includes tax, with its rate: one order line or one fee.
    """
    by_rate: dict[Decimal, list[Money]] = {}
    for price, rate in entries:
        by_rate.setdefault(rate.normalize(), []).append(price)
    return tuple(_per_rate(rate, by_rate[rate], rounding, currency) for rate in sorted(by_rate))


def tax_difference(after: Sequence[TaxPerRate], before: Sequence[TaxPerRate], currency: str) -> tuple[TaxPerRate, ...]:
    """Return base and tax of each rate after a change less those before; rates that stay the same are left out.

    This is the tax of a change or refund. It is never rounded by itself, so all of an order's changes add up.
    """
    later, earlier = ({each.rate: each for each in taxes} for taxes in (after, before))
    none = zero(currency)
    differences = []
    for rate in sorted({*later, *earlier}):
        new, old = later.get(rate), earlier.get(rate)
        base = (new.base if new else none) - (old.base if old else none)
        tax = (new.tax if new else none) - (old.tax if old else none)
        if base.minor or tax.minor:
            differences.append(TaxPerRate(rate=rate, base=base, tax=tax))
    return tuple(differences)


def total_tax(taxes: Iterable[TaxPerRate], currency: str) -> Money:
    """Return the sum of the tax of all rates."""
    return total((each.tax for each in taxes), currency)


def _per_rate(rate: Decimal, prices: Sequence[Money], rounding: TaxRounding, currency: str) -> TaxPerRate:
    gross = total(prices, currency)
    per_line = total((included_tax(each, rate) for each in prices), currency)
    tax = per_line if rounding is TaxRounding.LINE else included_tax(gross, rate)
    return TaxPerRate(rate=rate, base=gross - tax, tax=tax)
