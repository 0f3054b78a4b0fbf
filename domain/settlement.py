"""The money of an order: what is due, what is set aside for it, and the moves that settle a confirmed draft."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from domain.model import Flag, Model
from domain.money import Money, total, zero
from domain.refusals import BalanceNotZero


class Payment(Model):
    """An authorised payment and what became of it. Lists of payments are oldest first."""

    key: str
    """The step key of the authorisation."""
    authorised: Money
    captured: Money
    refunded: Money
    refund_owed: Money
    """Refunds that the payment refused to take, so that they are owed to the customer in another way."""
    paid_out: Money
    """The part of those refunds that was paid to the customer by hand."""
    open: Flag
    """Whether the payment is neither captured nor voided."""

    @property
    def refundable(self) -> Money:
        """The amount that can still be refunded."""
        return self.captured - self.refunded - self.refund_owed

    @property
    def unpaid_refund(self) -> Money:
        """The amount that is still owed to the customer because the payment refused it."""
        return self.refund_owed - self.paid_out


class MoveKind(StrEnum):
    """The kinds of movements on a payment."""

    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    OWE = "owe"
    """A refund that no payment takes is owed to the customer. Only our ledger has it; no provider is called."""
    PAYOUT = "payout"
    """What was owed is paid by hand. Likewise."""
    REFUND_FAILED = "refund_failed"
    """A refund that was pending was not paid: it is taken off again, and owed. Likewise."""
    LOST = "lost"
    """An authorisation has ended by itself, so it pays for nothing any more. Likewise."""


class Move(Model):
    """One movement of money on one payment."""

    kind: MoveKind
    payment: str
    amount: Money

    @property
    def by_provider(self) -> bool:
        """Whether the payment provider makes the move; other moves are entries of our ledger only."""
        return self.kind in (MoveKind.CAPTURE, MoveKind.VOID, MoveKind.REFUND)


def kept(payments: Sequence[Payment], currency: str) -> Money:
    """Return captured money less refunds; a refund owed to the customer counts as refunded."""
    return total((payment.refundable for payment in payments), currency)


def set_aside(payments: Sequence[Payment], currency: str) -> Money:
    """Return the money authorised and neither captured nor voided."""
    return total((payment.authorised for payment in payments if payment.open), currency)


def unpaid_refunds(payments: Sequence[Payment], currency: str) -> Money:
    """Return the refunds that no payment took and that are still owed to the customer."""
    return total((payment.unpaid_refund for payment in payments), currency)


def balance_of(due: Money, payments: Sequence[Payment]) -> Money:
    """Return the amount still to be paid towards an amount due; negative when a refund is due to the customer.

    Money set aside counts only up to what is owed: it pays for nothing else and is never refunded.
    """
    return due - kept(payments, due.currency) - _counted(due, payments)


def to_release(due: Money, payments: Sequence[Payment]) -> Money:
    """Return the money set aside beyond what is owed. The confirmation lets it go."""
    return set_aside(payments, due.currency) - _counted(due, payments)


def _counted(due: Money, payments: Sequence[Payment]) -> Money:
    still_owed = max(due - kept(payments, due.currency), zero(due.currency))
    return min(set_aside(payments, due.currency), still_owed)


def settlement(due: Money, payments: Sequence[Payment]) -> list[Move]:
    """Return the moves after which exactly the amount due has been paid, in the order in which they are made.

    Authorisations are captured oldest first, each up to what is still owed, which lets go of its rest. Refunds go to
    the original payments, newest first, each up to what it bears. Authorisations that pay for nothing are voided last:
    a void cannot be refused, and what comes before it may be. Raises BalanceNotZero when too little was authorised.
    """
    amount_due = due - kept(payments, due.currency)
    captures: list[Move] = []
    voids: list[Move] = []
    for payment in (each for each in payments if each.open):
        amount = min(amount_due, payment.authorised)
        if amount.minor > 0:
            captures.append(Move(kind=MoveKind.CAPTURE, payment=payment.key, amount=amount))
            amount_due -= amount
        else:
            voids.append(Move(kind=MoveKind.VOID, payment=payment.key, amount=payment.authorised))
    if amount_due.minor > 0:
        raise BalanceNotZero
    refunds = _refund_newest_first(-amount_due, payments)
    if total((each.amount for each in refunds), due.currency) != -amount_due:
        raise ArithmeticError("the refund is larger than everything that was captured")
    return [*captures, *refunds, *voids]


def moves_instead(
    refused: Move, payments: Sequence[Payment], refusing: Collection[str], promised: Mapping[str, Money]
) -> list[Move]:
    """Return the moves instead of a refund that its payment has refused.

    It goes to the other payments, newest first, each up to what it bears besides the refunds that are `promised` to it
    and not made yet; to none in `refusing`. What is left is owed to the customer, on the payment that refused.
    """
    moves: list[Move] = []
    rest = refused.amount
    for payment in reversed(payments):
        bears = payment.refundable - promised.get(payment.key, zero(rest.currency))
        part = min(rest, bears)
        if payment.key not in refusing and part.minor > 0:
            moves.append(Move(kind=MoveKind.REFUND, payment=payment.key, amount=part))
            rest -= part
    if rest.minor:
        moves.append(Move(kind=MoveKind.OWE, payment=refused.payment, amount=rest))
    return moves


def pay_out(payments: Sequence[Payment], amount: Money) -> list[Move]:
    """Return the moves by which refunds owed to the customer are paid by hand, oldest payment first.

    Raises ArithmeticError for more than is owed.
    """
    moves: list[Move] = []
    for payment in payments:
        part = min(amount, payment.unpaid_refund)
        if part.minor > 0:
            moves.append(Move(kind=MoveKind.PAYOUT, payment=payment.key, amount=part))
            amount -= part
    if amount.minor:
        raise ArithmeticError("more is paid out than is owed")
    return moves


def _refund_newest_first(amount: Money, payments: Sequence[Payment]) -> list[Move]:
    """Return refunds over payments, newest first, each up to what it bears."""
    moves: list[Move] = []
    for payment in reversed(payments):
        part = min(amount, payment.refundable)
        if part.minor > 0:
            moves.append(Move(kind=MoveKind.REFUND, payment=payment.key, amount=part))
            amount -= part
    return moves
