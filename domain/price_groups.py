"""The money of one price group: its fees, its surplus, and what of it is kept (rules M1 and M3)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.money import Money, total, zero
from domain.offers import Service
from domain.orders import FeeKind, OrderLine, PriceGroup
from domain.projection import Line
from domain.quotes import QuotedFee, QuotedGroup


@dataclass(frozen=True)
class GroupPrice:
    """A price group with its lines, and the services that decide what a cancelled one gives back."""

    group: PriceGroup
    given_up: Sequence[OrderLine]
    taken: Sequence[Line]
    services: Mapping[str, Service]
    currency: str

    @property
    def fees(self) -> tuple[QuotedFee, ...]:
        """The change fee of each line given up: at most its price, none on a cancelled service."""
        fees = ((line, _fee(line)) for line in self.given_up if not self._is_cancelled(line))
        return tuple(
            QuotedFee(kind=FeeKind.CHANGE, line=line.id, amount=fee, tax_rate=line.tax_rate)
            for line, fee in fees
            if fee.minor
        )

    @property
    def surplus(self) -> Money:
        """What remains of the lines given up after the lines taken and all fees; zero when they cost as much."""
        rest = self._sum(line.price for line in self.given_up) - self._sum(line.price for line in self.taken)
        return max(rest - self._sum(fee.amount for fee in self.fees), zero(self.currency))

    @property
    def kept(self) -> Money:
        """What of the surplus is kept: nothing when it is paid back, and nothing of a cancelled service."""
        return self.keepable if self.group.refund is False else zero(self.currency)

    @property
    def keepable(self) -> Money:
        """What of the surplus would be kept if the group's decision is to keep it."""
        cancelled = self._sum(line.price for line in self.given_up if self._is_cancelled(line))
        return max(self.surplus - cancelled, zero(self.currency))

    @property
    def kept_fees(self) -> tuple[QuotedFee, ...]:
        """One fee per tax rate for what is kept."""
        return tuple(
            QuotedFee(kind=FeeKind.CHANGE_NON_REFUNDABLE, line=None, amount=amount, tax_rate=rate)
            for rate, amount in self._split(self.kept)
        )

    def _split(self, kept: Money) -> Iterator[tuple[Decimal, Money]]:
        """Yield an amount in parts per rate, in proportion to what is given up less what is taken, where positive.

        To the minor unit: the units left over go to the largest remainders, the lowest rate first.
        """
        weights = self._weights()
        if not kept.minor:
            return
        whole = sum(weights.values())
        parts = {rate: kept.minor * weight // whole for rate, weight in weights.items()}
        remainders = sorted(weights, key=lambda rate: (-(kept.minor * weights[rate] % whole), rate))
        for rate in remainders[: kept.minor - sum(parts.values())]:
            parts[rate] += 1
        yield from ((rate, Money(minor, self.currency)) for rate, minor in sorted(parts.items()) if minor)

    def _weights(self) -> dict[Decimal, int]:
        weights: defaultdict[Decimal, int] = defaultdict(int)
        for line in self.given_up:
            weights[line.tax_rate] += line.price.minor
        for taken in self.taken:
            weights[taken.tax_rate] -= taken.price.minor
        return {rate: weight for rate, weight in sorted(weights.items()) if weight > 0}

    def quoted(self) -> QuotedGroup:
        """Return the group for the quote."""
        return QuotedGroup(
            id=self.group.id,
            surplus=self.keepable,
            kept=self.kept,
            refund=self.group.refund,
            given_up=tuple(line.id for line in self.given_up),
        )

    def _is_cancelled(self, line: OrderLine) -> bool:
        service = self.services.get(line.service or "")
        return service is not None and service.cancelled

    def _sum(self, amounts: Iterator[Money]) -> Money:
        return total(amounts, self.currency)


def _fee(line: OrderLine) -> Money:
    """Return a line's change fee, which is at most its price: nobody pays for leaving."""
    return min(line.terms.change_fee, line.price)
