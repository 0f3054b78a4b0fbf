"""Who owes whom once a draft is confirmed: what is captured, let go and refunded."""

from collections.abc import Sequence
from enum import StrEnum

from domain.model import Flag, Model
from domain.money import Money, total, zero
from domain.refusals import BalanceNotZero


class Payment(Model):
    """Money once set aside for an order, and what became of it. Oldest first wherever listed."""

    key: str
    """The key it was authorised under."""
    authorised: Money
    captured: Money
    refunded: Money
    open: Flag
    """Still set aside: neither captured nor let go."""

    @property
    def refundable(self) -> Money:
        """What could still be paid back."""
        return self.captured - self.refunded


class MoveKind(StrEnum):
    """What is done with one payment."""

    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class Move(Model):
    """One movement of money on one payment."""

    kind: MoveKind
    payment: str
    amount: Money


def paid(payments: Sequence[Payment], currency: str) -> Money:
    """Return what was paid and not paid back, money set aside included."""
    kept = total((payment.refundable for payment in payments), currency)
    return kept + total((payment.authorised for payment in payments if payment.open), currency)


def settlement(due: Money, payments: Sequence[Payment]) -> list[Move]:
    """Return the moves after which exactly what is due has been paid.

    Captures take the oldest payment first and no more than is owed, the rest of what was set aside
    is let go; refunds go back over the original payments, newest first, each at most what it brought.
    Raises BalanceNotZero when too little was set aside.
    """
    owed = due - total((payment.refundable for payment in payments), due.currency)
    moves: list[Move] = []
    for payment in (each for each in payments if each.open):
        amount = min(owed, payment.authorised)
        if amount.minor > 0:
            moves.append(Move(kind=MoveKind.CAPTURE, payment=payment.key, amount=amount))
            owed -= amount
        else:
            moves.append(Move(kind=MoveKind.VOID, payment=payment.key, amount=payment.authorised))
    if owed.minor > 0:
        raise BalanceNotZero
    for payment in reversed(payments):
        amount = min(-owed, payment.refundable)
        if amount.minor > 0:
            moves.append(Move(kind=MoveKind.REFUND, payment=payment.key, amount=amount))
            owed += amount
    if owed != zero(due.currency):
        raise ArithmeticError("more is to be refunded than was ever captured")
    return moves
