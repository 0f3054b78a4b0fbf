"""What a change costs: old price, new price, fee, tax and the signed difference."""

from decimal import Decimal

from domain.model import Flag, Model
from domain.money import Money, included_tax
from domain.orders import FeeKind


class QuotedLine(Model):
    """One line's part in a quote: given up or taken, by whom, at what price."""

    line: str
    product: str
    travellers: tuple[str, ...]
    taken: Flag
    price: Money
    tax: Money


class QuotedFee(Model):
    """One fee a change brings: for giving up a line, or a difference that is kept."""

    kind: FeeKind
    line: str | None
    amount: Money
    tax_rate: Decimal

    @property
    def tax(self) -> Money:
        """The tax inside the fee."""
        return included_tax(self.amount, self.tax_rate)


class Quote(Model):
    """A change's price against the last confirmed version, so that two changes never stack two fees."""

    old_price: Money
    new_price: Money
    fee: Money
    """What giving up lines costs; a difference that is kept is not in it."""
    tax: Money
    """Tax of what is taken and of all fees, less the tax of what is given up."""
    difference: Money
    """New price plus fee less old price; negative is owed to the customer."""
    to_refund: Money
    not_refundable: Money
    """What a cheaper change keeps because no refund was asked for."""
    balance: Money
    """What the order owes once changed; negative when the customer is owed."""
    lines: tuple[QuotedLine, ...]
    fees: tuple[QuotedFee, ...]
    prices: dict[str, Money]
    """The price of each line the plan adds."""
