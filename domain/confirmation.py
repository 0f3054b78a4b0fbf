"""What a confirmation confirmed: the lines, fees and sums by which the draft differed from the confirmed version."""

from domain.model import Model
from domain.money import Money
from domain.orders import FeeKind


class ConfirmedLine(Model):
    """A line that was added to the confirmed version, or given up."""

    line: str
    product: str
    service: str | None
    travellers: tuple[str, ...]
    price: Money


class ConfirmedFee(Model):
    """A fee of the confirmed draft."""

    kind: FeeKind
    line: str | None
    amount: Money


class Confirmation(Model):
    """Every line and sum that a confirmation made valid: also what other requests had put into the draft."""

    lines: tuple[ConfirmedLine, ...]
    given_up: tuple[ConfirmedLine, ...]
    travellers: tuple[str, ...]
    """Travellers of the order whose details the draft set."""
    fees: tuple[ConfirmedFee, ...]
    captured: Money
    refunded: Money
    refund_owed: Money
    """What no card took of a refund, so that it is owed to the customer."""
