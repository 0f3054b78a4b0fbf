"""Limits held seats and units of stock, per draft and per client, so that no client can hoard them."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from domain.planning.plan import Plan
from domain.refusals import ClientHoldsTooMany, OrderHoldsTooMany
from store.changes import changes
from store.changes.step_records import KeyedCommand
from store.orders import hold_counts, reservations
from store.orders.hold_counts import Place
from store.tables import OrderRow


@dataclass(frozen=True)
class HoldLimits:
    """The highest numbers of held, unsold seats, and of units of each product or supplement on one service or day.

    Units are counted where they are scarce, apart from seats: a family with bicycles needs no higher limit, and
    neither does a pass that takes a unit on each of many days.
    """

    per_order: int = 100
    """Enough for a return journey of fifty people."""
    per_client: int = 1000
    """For all open drafts of an authenticated client."""

    def check(self, tx: Session, order: OrderRow, command: KeyedCommand, now: datetime) -> None:
        """Count the seats and units that would be held after a change, before the provider is called.

        A change in one go does not count: what it holds is sold or released at once. Raises OrderHoldsTooMany and
        ClientHoldsTooMany.
        """
        change = changes.existing(tx, command.change)
        plan = changes.plan_of(change)
        if plan.confirm:
            return
        requested, leaving = hold_counts.of_plan(plan), _leaving(tx, plan)
        if _exceeds(self.per_order, requested, hold_counts.of_order(tx, order.number, now, leaving)):
            raise OrderHoldsTooMany
        if not change.client:
            return
        hold_counts.lock_client(tx, change.client)
        held = hold_counts.of_client(tx, change.client, now, leaving)
        if _exceeds(
            self.per_client, requested, held + hold_counts.in_progress(tx, change.client, command.step, command.key)
        ):
            raise ClientHoldsTooMany


def _exceeds(limit: int, requested: Counter[Place], held: Counter[Place]) -> bool:
    return any(held[place] + count > limit for place, count in requested.items())


def _leaving(tx: Session, plan: Plan) -> set[str]:
    """Return what a plan releases: seats and units of removed lines, except those that a new line keeps."""
    kept = {seat.reservation for line in plan.adds for seat in line.kept_seats}
    kept |= {unit for line in plan.adds for unit in line.kept_units}
    return reservations.of_lines(tx, plan.removes) - kept
