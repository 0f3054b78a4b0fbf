"""Money at risk while a change is unfinished: authorised, or captured but not matched by a confirmed version."""

from domain.model import Model
from domain.money import Money
from domain.orders import Order


class Risk(Model):
    """An order's money at risk."""

    authorised: Money
    """Money authorised and neither captured nor voided."""
    unsettled: Money
    """Money captured beyond the price of the confirmed version; negative when refunded below it."""

    @property
    def total(self) -> Money:
        """The total at risk, for either side."""
        return self.authorised + max(self.unsettled, -self.unsettled)


def at_risk(order: Order) -> Risk:
    """Return an order's money at risk; zero when the payments equal the price of the confirmed version."""
    confirmed = order.sum(line.price for line in order.confirmed_lines)
    if order.confirmed_version:
        confirmed += order.sum(fee.amount for fee in order.confirmed_fees)
    return Risk(
        authorised=order.sum(each.authorised for each in order.payments if each.open),
        unsettled=order.sum(each.refundable for each in order.payments) - confirmed,
    )
