"""Nobody hoards seats: a draft, and all drafts of a client together, hold so many at most."""

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
    """Seats held and not sold, at most."""

    per_order: int = 100
    """A party of fifty, there and back."""
    per_client: int = 1000
    """By all open drafts of a client that is known."""

    def check(self, tx: Session, order: OrderRow, command: Command, now: datetime) -> None:
        """Count what would be held once a change is done, before its seats are asked for.

        A change in one go counts for nothing: its seats are sold or given back at once. Raises OrderHoldsTooMany
        and ClientHoldsTooMany.
        """
        change = changes.existing(tx, command.change)
        plan = changes.plan_of(change)
        if plan.confirm:
            return
        wanted, leaving = sum(wish.count for wish in plan.seats), _leaving(tx, plan)
        if hold_counts.of_order(tx, order.number, now, leaving) + wanted > self.per_order:
            raise OrderHoldsTooMany
        if not change.client:
            return
        hold_counts.wait_for_turn(tx, change.client)
        held = hold_counts.of_client(tx, change.client, now, leaving)
        if held + hold_counts.under_way(tx, change.client, command.step, command.key) + wanted > self.per_client:
            raise ClientHoldsTooMany


def _leaving(tx: Session, plan: Plan) -> set[str]:
    """Return the seats of lines a plan takes off, but for those that pass to a new line: they are given back."""
    kept = {seat for line in plan.adds for seat in line.kept_reservations}
    return set(reservations_on(tx, plan.removes)) - kept
