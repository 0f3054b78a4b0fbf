"""Quotes: old price, new price, fees, tax and the signed difference of a change."""

from decimal import Decimal

from domain.model import Flag, Model
from domain.money import Money, included_tax
from domain.orders import FeeKind


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


class Quote(Model):
    """The price of a change against the last confirmed version, so two changes of a draft never add up two fees."""

    old_price: Money
    new_price: Money
    fee: Money
    """The fees for giving up lines; a price difference that is kept is not included."""
    tax: Money
    """The tax of taken lines and of all fees, less the tax of given-up lines."""
    difference: Money
    """New price plus fee less old price; negative when the change is cheaper."""
    to_refund: Money
    not_refundable: Money
    """The part of the difference that is kept because no refund was requested."""
    balance: Money
    """The order's balance after the change; negative when a refund is due to the customer."""
    lines: tuple[QuotedLine, ...]
    fees: tuple[QuotedFee, ...]
    prices: dict[str, Money]
    """The price of each line the plan adds."""
