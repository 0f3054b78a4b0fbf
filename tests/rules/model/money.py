"""The money of a draft: price groups with their decision, fees, what is kept, and the balance (M1 to M3, M8)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from tests.rules.model.lines import Line


@dataclass(frozen=True)
class Kept:
    """A part of a surplus that is kept, by tax rate."""

    amount: int
    rate: Decimal


@dataclass
class Piece:
    """What one part of a request gives up and adds: all its replacements together, or a removal, or an addition."""

    given_up: list[Line] = field(default_factory=list)
    taken: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    """Confirmed lines that the draft gives up and lines it takes for them, by sale, with one decision."""

    given_up: frozenset[int]
    taken: frozenset[int]
    refund: bool | None
    """Whether a surplus is paid back; None while nobody has decided."""

    def without(self, live: Collection[int]) -> "Group | None":
        """Return the group without what is live again and what is gone; None when nothing is left."""
        given_up, taken = self.given_up - set(live), self.taken & set(live)
        return Group(given_up, taken, self.refund) if given_up or taken else None


@dataclass(frozen=True)
class GroupSum:
    """What a group comes to: its fees, what it costs (negative: its surplus), and what of that is kept."""

    fees: tuple[int, ...]
    total: int
    kept: tuple[Kept, ...]


@dataclass(frozen=True)
class Decision:
    """What a request says about a surplus: the word it gives, if any, and what holds at first without one."""

    word: bool | None = None
    first: bool | None = None

    def of(self, joined: Sequence[Group]) -> bool | None:
        """Return the decision of a group that a request makes of these; different ones without a word pay back."""
        if self.word is not None or not joined:
            return self.first if self.word is None else self.word
        decisions = {group.refund for group in joined}
        decided = decisions.pop() if len(decisions) == 1 else True
        return self.first if decided is None else decided


def join(groups: Sequence[Group], piece: Piece, confirmed: Iterable[int], decision: Decision) -> list[Group]:
    """Return the groups after a piece of a request; it joins every group whose line it gives up. Its own is last."""
    removed = {line.sale for line in piece.given_up}
    joined = [group for group in groups if group.taken & removed]
    given_up = {sale for group in joined for sale in group.given_up} | (removed & set(confirmed))
    taken = {sale for group in joined for sale in group.taken} - removed | {line.sale for line in piece.taken}
    rest = [group for group in groups if group not in joined]
    return [*rest, Group(frozenset(given_up), frozenset(taken), decision.of(joined))]


def add_up(group: Group, lines: Mapping[int, Line]) -> GroupSum:
    """Return a group's sum. Fees count for confirmed lines given up and are at most their price (M3)."""
    given_up, taken = ([lines[sale] for sale in sorted(sales)] for sales in (group.given_up, group.taken))
    fees = tuple(fee for line in given_up if (fee := min(line.fee, line.price)))
    total = sum(line.price for line in taken) + sum(fees) - sum(line.price for line in given_up)
    kept = _split(-total, given_up, taken) if total < 0 and not group.refund else ()
    return GroupSum(fees, total, kept)


def _split(surplus: int, given_up: Sequence[Line], taken: Sequence[Line]) -> tuple[Kept, ...]:
    """Split what is kept over the tax rates, by what the group gives up less what it takes, where positive."""
    weights: dict[Decimal, int] = {}
    for line, sign in [*((line, 1) for line in given_up), *((line, -1) for line in taken)]:
        weights[line.rate] = weights.get(line.rate, 0) + sign * line.price
    weights = {rate: weight for rate, weight in weights.items() if weight > 0}
    exact = {rate: Fraction(surplus * weight, sum(weights.values())) for rate, weight in weights.items()}
    parts = {rate: int(part) for rate, part in exact.items()}
    for rate in sorted(exact, key=lambda each: parts[each] - exact[each])[: surplus - sum(parts.values())]:
        parts[rate] += 1
    return tuple(Kept(part, rate) for rate, part in sorted(parts.items()) if part)


def balance(due: int, paid: int, set_aside: int) -> int:
    """Return the balance: money set aside counts only up to what is owed (M8)."""
    open_amount = due - paid
    return open_amount - min(set_aside, max(open_amount, 0))
