"""Settlement of a confirmed draft: which payments are captured, voided and refunded."""

from collections.abc import Sequence
from enum import StrEnum

from domain.model import Flag, Model
from domain.money import Money, total, zero
from domain.refusals import BalanceNotZero


class Payment(Model):
    """An authorised payment with its captured and refunded amounts. Lists of payments are oldest first."""

    key: str
    """The step key of the authorisation."""
    authorised: Money
    captured: Money
    refunded: Money
    open: Flag
    """Whether the payment is neither captured nor voided."""

    @property
    def refundable(self) -> Money:
        """The amount that can still be refunded."""
        return self.captured - self.refunded


class MoveKind(StrEnum):
    """The kinds of movements on a payment."""

    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class Move(Model):
    """One movement of money on one payment."""

    kind: MoveKind
    payment: str
    amount: Money


def paid(payments: Sequence[Payment], currency: str) -> Money:
    """Return captured less refunded money plus open authorisations."""
    kept = total((payment.refundable for payment in payments), currency)
    return kept + total((payment.authorised for payment in payments if payment.open), currency)


def balance_of(due: Money, payments: Sequence[Payment]) -> Money:
    """Return the amount still to be paid towards an amount due; negative when a refund is due to the customer.

    Money set aside counts only up to what is owed: it pays for nothing else and is never refunded.
    """
    kept = total((payment.refundable for payment in payments), due.currency)
    return due - kept - _counted(due, payments)


def to_release(due: Money, payments: Sequence[Payment]) -> Money:
    """Return the money set aside beyond what is owed. The confirmation lets it go."""
    set_aside = total((payment.authorised for payment in payments if payment.open), due.currency)
    return set_aside - _counted(due, payments)


def _counted(due: Money, payments: Sequence[Payment]) -> Money:
    still_owed = max(due - total((p.refundable for p in payments), due.currency), zero(due.currency))
    return min(total((payment.authorised for payment in payments if payment.open), due.currency), still_owed)


def settlement(due: Money, payments: Sequence[Payment]) -> list[Move]:
    """Return the moves after which exactly the amount due has been paid.

    Authorisations are captured oldest first, up to the amount due; the others are voided. Refunds go to the
    original payments, newest first, each up to its captured amount. Raises BalanceNotZero when too little
    was authorised.
    """
    amount_due = due - total((payment.refundable for payment in payments), due.currency)
    moves: list[Move] = []
    for payment in (each for each in payments if each.open):
        amount = min(amount_due, payment.authorised)
        if amount.minor > 0:
            moves.append(Move(kind=MoveKind.CAPTURE, payment=payment.key, amount=amount))
            amount_due -= amount
        else:
            moves.append(Move(kind=MoveKind.VOID, payment=payment.key, amount=payment.authorised))
    if amount_due.minor > 0:
        raise BalanceNotZero
    for payment in reversed(payments):
        amount = min(-amount_due, payment.refundable)
        if amount.minor > 0:
            moves.append(Move(kind=MoveKind.REFUND, payment=payment.key, amount=amount))
            amount_due += amount
    if amount_due != zero(due.currency):
        raise ArithmeticError("the refund is larger than everything that was captured")
    return moves
