"""What could be lost or owed while a change hangs: money that is neither as before nor as it will be."""

from domain.model import Model
from domain.money import Money
from domain.orders import Order


class Risk(Model):
    """An order's money at risk."""

    set_aside: Money
    """Authorised, neither captured nor let go."""
    unsettled: Money
    """Captured beyond what the confirmed version costs; negative when paid back below it."""

    @property
    def total(self) -> Money:
        """What is at risk in all, whoever would lose it."""
        return self.set_aside + max(self.unsettled, -self.unsettled)


def at_risk(order: Order) -> Risk:
    """Return an order's money at risk: none once what was paid is what the confirmed version costs."""
    confirmed = order.sum(line.price for line in order.confirmed_lines)
    if order.confirmed_version:
        confirmed += order.sum(fee.amount for fee in order.confirmed_fees)
    return Risk(
        set_aside=order.sum(each.authorised for each in order.payments if each.open),
        unsettled=order.sum(each.refundable for each in order.payments) - confirmed,
    )
