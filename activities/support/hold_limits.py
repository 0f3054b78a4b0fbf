"""Limits held seats, per draft and per client, so that no client can hoard them."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from activities.support.step_kinds import Command
from domain.planning.plan import Plan
from domain.refusals import ClientHoldsTooMany, OrderHoldsTooMany
from store.changes import changes
from store.orders import hold_counts
from store.orders.orders import reservations_on
from store.tables import OrderRow


@dataclass(frozen=True)
class HoldLimits:
    """The highest numbers of held, unsold seats."""

    per_order: int = 100
    """Enough for a return journey of fifty people."""
    per_client: int = 1000
    """For all open drafts of an authenticated client."""

    def check(self, tx: Session, order: OrderRow, command: Command, now: datetime) -> None:
        """Count the seats that would be held after a change, before the provider is called.

        A change in one go does not count: its seats are sold or released at once. Raises OrderHoldsTooMany and
        ClientHoldsTooMany.
        """
        change = changes.existing(tx, command.change)
        plan = changes.plan_of(change)
        if plan.confirm:
            return
        requested, leaving = sum(wish.count for wish in plan.seats), _leaving(tx, plan)
        if hold_counts.of_order(tx, order.number, now, leaving) + requested > self.per_order:
            raise OrderHoldsTooMany
        if not change.client:
            return
        hold_counts.lock_client(tx, change.client)
        held = hold_counts.of_client(tx, change.client, now, leaving)
        if held + hold_counts.in_progress(tx, change.client, command.step, command.key) + requested > self.per_client:
            raise ClientHoldsTooMany


def _leaving(tx: Session, plan: Plan) -> set[str]:
    """Return the seats that a plan releases: those of removed lines, except seats that a new line keeps."""
    kept = {seat.reservation for line in plan.adds for seat in line.kept_seats}
    return set(reservations_on(tx, plan.removes)) - kept
