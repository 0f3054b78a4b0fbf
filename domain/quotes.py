"""Quotes: old price, new price, fees, tax per rate and the signed difference of a change."""

from collections.abc import Sequence
from decimal import Decimal

from domain.changes import ChangeWarning
from domain.model import Flag, Model
from domain.money import Money, included_tax
from domain.orders import FeeKind
from domain.taxes import TaxPerRate
from domain.time_limits import TimeLimit


class QuotedLine(Model):
    """One line of a quote: given up or taken, with its travellers and price."""

    line: str
    product: str
    travellers: tuple[str, ...]
    taken: Flag
    price: Money
    tax: Money


class QuotedFee(Model):
    """One fee of a change: for giving up a line, or a price difference that is not refunded."""

    kind: FeeKind
    line: str | None
    amount: Money
    tax_rate: Decimal

    @property
    def tax(self) -> Money:
        """The tax included in the fee."""
        return included_tax(self.amount, self.tax_rate)


class QuotedGroup(Model):
    """A price group of the draft: its surplus, which is paid back or kept, and how much of it is kept."""

    id: str
    surplus: Money
    kept: Money
    refund: bool | None
    """Whether the surplus is paid back; None while nobody has decided."""
    given_up: tuple[str, ...]


class Quote(Model):
    """The price of a change against the last confirmed version, so two changes of a draft never add up two fees."""

    old_price: Money
    new_price: Money
    fee: Money
    """The fees for giving up lines; a price difference that is kept is not included."""
    tax: Money
    """The order's tax after the change, less that of the confirmed version."""
    taxes: tuple[TaxPerRate, ...]
    """The same difference per rate, with its base; what they add up to is the difference of the order's price."""
    difference: Money
    """New price plus fee less old price; negative when the change is cheaper."""
    to_refund: Money
    not_refundable: Money
    """The part of the difference that is kept because no refund was requested."""
    undecided: Money
    """The part of the difference of which nobody has said whether it is refunded; it counts as refunded here."""
    balance: Money
    """The order's balance after the change; negative when a refund is due to the customer."""
    to_release: Money
    """The money set aside beyond what is owed."""
    lines: tuple[QuotedLine, ...]
    fees: tuple[QuotedFee, ...]
    groups: tuple[QuotedGroup, ...]
    limit: TimeLimit | None
    """The latest deadline that the draft's lines allow; None for any."""
    warnings: tuple[ChangeWarning, ...] = ()


def undecided_groups(quote: Quote, ids: Sequence[str]) -> list[QuotedGroup]:
    """Return those of some groups that have a surplus of which nobody has said whether it is refunded."""
    return [each for each in quote.groups if each.id in ids and each.refund is None and each.surplus.minor]
