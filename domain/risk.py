"""Money at risk while a change is unfinished.

It is authorised, or captured but not matched by a confirmed version, or a provider was asked to move it and has not
answered.
"""

from collections.abc import Iterable, Sequence

from domain.model import Flag, Model
from domain.money import Money, total, zero
from domain.orders import Order
from domain.settlement import set_aside


class MoveUnderWay(Model):
    """Money that a provider was asked to move, or to let go of, without its answer."""

    key: str
    """The key under which the provider was asked; that of an authorisation is the key of its payment."""
    amount: Money
    reversible: Flag
    """Whether it is an authorisation; otherwise it settles: it captures, voids or refunds what is there."""


class Risk(Model):
    """An order's money at risk. No amount is in two of its parts."""

    authorised: Money
    """Money authorised and neither captured nor voided."""
    unsettled: Money
    """Money captured beyond the price of the confirmed version; negative when refunded below it."""
    moving: Money
    """What else a provider was asked to move and has not answered, or has not agreed to undo."""

    @property
    def total(self) -> Money:
        """The total at risk, for either side."""
        return self.authorised + _size(self.unsettled) + self.moving


def at_risk(order: Order, under_way: Sequence[MoveUnderWay] = ()) -> Risk:
    """Return an order's money at risk; zero when the payments equal the price of the confirmed version."""
    confirmed = order.sum(line.price for line in order.confirmed_lines)
    if order.confirmed_version:
        confirmed += order.sum(fee.amount for fee in order.confirmed_fees)
    authorised = set_aside(order.payments, order.currency)
    unsettled = order.sum(each.refundable for each in order.payments) - confirmed
    known = authorised + _size(unsettled)
    open_payments = {each.key for each in order.payments if each.open}
    return Risk(authorised=authorised, unsettled=unsettled, moving=moving_beyond(known, open_payments, under_way))


def moving_beyond(known: Money, open_payments: Iterable[str], under_way: Sequence[MoveUnderWay]) -> Money:
    """Return the money under way that is not known at risk already.

    An authorisation is known once its payment is open. A settlement moves what is known first: it captures or voids
    every open payment, or refunds what was captured in excess. Only what it refunds besides comes on top.
    """
    known_keys = set(open_payments)
    unknown = (each.amount for each in under_way if each.reversible and each.key not in known_keys)
    settled = total((each.amount for each in under_way if not each.reversible), known.currency)
    return total(unknown, known.currency) + max(settled - known, zero(known.currency))


def _size(amount: Money) -> Money:
    return max(amount, -amount)
