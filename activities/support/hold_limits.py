"""Limits held seats and units of stock, per draft and per client, so that no client can hoard them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from domain.planning.plan import Plan
from domain.refusals import ClientHoldsTooMany, OrderHoldsTooMany
from providers.protocols import Held, HeldUnit
from store.changes import changes
from store.changes.new_records import KeyedCommand, Size
from store.orders import hold_counts, reservations
from store.orders.hold_counts import SEATS, Place
from store.tables import OrderRow

UNLOCKED_HEADROOM = 200
"""While so many more places of each kind are left to a client, its changes are counted without waiting for each other:
in a group the lock is held until all of its steps are done. Only more seats wanted at the same instant would exceed."""


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

        def held_by_client() -> Counter[Place]:
            in_progress = hold_counts.in_progress(tx, change.client, command.key)
            return hold_counts.of_client(tx, change.client, now, leaving) + in_progress

        if not _exceeds(self.per_client - UNLOCKED_HEADROOM, requested, held_by_client()):
            return
        hold_counts.lock_client(tx, change.client)
        if _exceeds(self.per_client, requested, held_by_client()):
            raise ClientHoldsTooMany


def size_of_holds(held: Iterable[Held]) -> Size:
    """Return the size of a step that holds these seats and units."""
    places = ((each.item, each.service, each.day) if isinstance(each, HeldUnit) else SEATS for each in held)
    return Size(units=hold_counts.as_units(Counter(places)))


def _exceeds(limit: int, requested: Counter[Place], held: Counter[Place]) -> bool:
    return any(held[place] + count > limit for place, count in requested.items())


def _leaving(tx: Session, plan: Plan) -> set[str]:
    """Return what a plan releases: seats and units of removed lines, except those that a new line keeps."""
    kept = {seat.reservation for line in plan.adds for seat in line.kept_seats}
    kept |= {unit for line in plan.adds for unit in line.kept_units}
    return reservations.of_lines(tx, plan.removes) - kept
