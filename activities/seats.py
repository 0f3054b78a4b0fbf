"""Holds, extends, confirms and releases seats and units of stock."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, Field
from sqlmodel import Session
from temporalio import activity

from activities.support.deadlines import Deadlines
from activities.support.hold_limits import HoldLimits
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Check, Command, Final, Nothing, Reversible
from domain.orders import ReservationState
from domain.planning.plan import Plan
from providers.protocols import Held, HeldSeat, HoldRequest, Inventory, SeatRequest, StockRequest
from store.changes import changes
from store.orders import reservations
from store.orders.events import EventType, append
from store.orders.reservations import KeptReservation
from store.tables import OrderRow
from temporal.names import StepName, System

MAX_PLACES = 5
"""How many services and days a step's description names: a pass may take a unit on each of many days."""


class ReserveSeatsCommand(Command):
    """Hold the seats and units of a plan."""

    step: ClassVar[str] = StepName.RESERVE_SEATS
    seats: int
    stock: dict[str, int] = Field(default={})
    """How many units of each product or supplement."""
    services: tuple[str, ...]
    """The services, and the days of units without a service."""

    def summary(self) -> str:
        """Describe the step: how many seats and units, on which services and days."""
        seats = [f"{self.seats} seat{'s' if self.seats != 1 else ''}"] if self.seats else []
        held = seats + [f"{count} {item}" for item, count in sorted(self.stock.items())]
        places, more = self.services[:MAX_PLACES], len(self.services) - MAX_PLACES
        return f"hold {_listed(held)} on {', '.join(places)}{f' and {more} more' if more > 0 else ''}"


class ReserveSeatsResult(BaseModel):
    """How many seats and units are held."""

    seats: int
    units: int = 0


class ExtendHoldsCommand(Command):
    """Extend all holds of the draft, for a confirmation or for a new deadline."""

    step: ClassVar[str] = StepName.EXTEND_HOLDS
    expires_at: datetime | None = None
    """The requested deadline, in UTC; None for a confirmation or a change."""

    def summary(self) -> str:
        """Describe the step."""
        return "extend the holds" if self.expires_at is None else "move the deadline"


class ExtendHoldsResult(BaseModel):
    """The draft's deadline after all holds were extended."""

    expires_at: datetime | None


class ConfirmSeatsCommand(Command):
    """Confirm the new seats and units and release the old ones."""

    step: ClassVar[str] = StepName.CONFIRM_SEATS

    def summary(self) -> str:
        """Describe the step."""
        return "confirm the new seats and release the old ones"


class ReleaseReplacedSeatsCommand(Command):
    """Release seats and units of draft lines that a change replaced."""

    step: ClassVar[str] = StepName.RELEASE_REPLACED_SEATS

    def summary(self) -> str:
        """Describe the step."""
        return "release the seats that this change replaced"


class SeatActivities:
    """The steps that concern the inventory: its seats and its stock."""

    def __init__(self, executor: StepExecutor, inventory: Inventory, deadlines: Deadlines, limits: HoldLimits) -> None:
        self._executor = executor
        self._inventory = inventory
        self._deadlines = deadlines
        self._limits = limits

    @activity.defn(name=StepName.RESERVE_SEATS, no_thread_cancel_exception=True)
    def reserve_seats(self, command: ReserveSeatsCommand) -> ReserveSeatsResult:
        """Hold the seats and units of a plan, all or none.

        Raises SoldOut, SeatTaken, SeatUnknown and refusals of HoldLimits.
        """
        store = self._executor.store

        def until(order: OrderRow) -> datetime:
            return self._deadlines.holds_until(self._deadlines.draft_ends(order, store.now()))

        def precheck(tx: Session, order: OrderRow) -> None:
            self._limits.check(tx, order, command, store.now())

        def hold(order: OrderRow) -> list[Held]:
            with store.read() as tx:
                plan = changes.plan_of(changes.existing(tx, command.change))
            return self._inventory.hold(order.tenant, command.key, _requests(plan), until(order))

        def record(tx: Session, order: OrderRow, held: list[Held]) -> ReserveSeatsResult:
            client = changes.existing(tx, command.change).client
            reservations.record_held(tx, order, client, command.key, [asdict(each) for each in held], until(order))
            seats = sum(isinstance(each, HeldSeat) for each in held)
            return ReserveSeatsResult(seats=seats, units=len(held) - seats)

        return self._executor.run(
            command, ReserveSeatsResult, self._inventory, hold, record, self._release(command), precheck
        )

    @activity.defn(name=StepName.RELEASE_SEATS, no_thread_cancel_exception=True)
    def release_seats(self, command: ReserveSeatsCommand) -> Nothing:
        """Release what a change holds, if anything. A hold that arrives later is refused."""

        def revert(tx: Session, _order: OrderRow, _result: str) -> None:
            reservations.record_released(tx, reservations.under_key(tx, command.key))

        return self._executor.undo(command, revert, self._inventory, self._release(command))

    def _release(self, command: ReserveSeatsCommand) -> Callable[[OrderRow], None]:
        return lambda order: self._inventory.release(order.tenant, command.key)

    @activity.defn(name=StepName.EXTEND_HOLDS, no_thread_cancel_exception=True)
    def extend_holds(self, command: ExtendHoldsCommand) -> ExtendHoldsResult:
        """Extend every hold of the draft, and move its deadline if one is requested.

        The holds are extended first: if the provider refuses, the deadline stays as it was. Raises HoldLost.
        """
        store = self._executor.store

        def until(order: OrderRow) -> datetime:
            ends = command.expires_at or self._deadlines.draft_ends(order, store.now())
            return self._deadlines.holds_until(ends)

        def extend(order: OrderRow) -> list[KeptReservation]:
            with store.read() as tx:
                held = reservations.still_held(tx, command.order)
            self._inventory.extend(order.tenant, [row.reference for row in held], until(order))
            return held

        def record(tx: Session, order: OrderRow, held: list[KeptReservation]) -> ExtendHoldsResult:
            reservations.set_expiry(tx, held, until(order))
            if command.expires_at:
                order.expires_at = order.expires_asked = command.expires_at
                moment = command.expires_at.isoformat()
                append(tx, order, EventType.DRAFT_EXTENDED, command.change, store.now(), {"expires_at": moment})
            return ExtendHoldsResult(expires_at=order.expires_at)

        return self._executor.run(command, ExtendHoldsResult, self._inventory, extend, record)

    @activity.defn(name=StepName.CONFIRM_SEATS, no_thread_cancel_exception=True)
    def confirm_seats(self, command: ConfirmSeatsCommand) -> Nothing:
        """Confirm what live lines hold and release what removed lines had, in one call to the provider."""

        def confirm(order: OrderRow) -> tuple[list[KeptReservation], list[KeptReservation]]:
            with self._executor.store.read() as tx:
                live, removed = reservations.at_confirmation(tx, command.order)
            fresh = [row for row in live if row.state == ReservationState.HELD]
            if command.done_by_hand_reason is None:
                references = [row.reference for row in removed]
                self._inventory.confirm(order.tenant, command.key, [row.reference for row in fresh], references)
            return fresh, removed

        def record(tx: Session, order: OrderRow, rows: tuple[list[KeptReservation], list[KeptReservation]]) -> Nothing:
            fresh, removed = rows
            reservations.record_confirmed(tx, fresh)
            reservations.record_released(tx, removed)
            if fresh or removed:
                data = {"confirmed": [row.id for row in fresh], "released": [row.id for row in removed]}
                append(tx, order, EventType.SEATS_CONFIRMED, command.change, self._executor.store.now(), data)
            return Nothing()

        return self._executor.run(command, Nothing, self._inventory, confirm, record)

    @activity.defn(name=StepName.RELEASE_REPLACED_SEATS, no_thread_cancel_exception=True)
    def release_replaced_seats(self, command: ReleaseReplacedSeatsCommand) -> Nothing:
        """Release what draft lines held that this change replaced, once the change cannot fail any more."""

        def release(order: OrderRow) -> list[KeptReservation]:
            with self._executor.store.read() as tx:
                replaced = reservations.replaced_holds(tx, command.order, command.change)
            if command.done_by_hand_reason is None:
                self._inventory.release_references(order.tenant, [row.reference for row in replaced])
            return replaced

        def record(tx: Session, _order: OrderRow, replaced: list[KeptReservation]) -> Nothing:
            reservations.record_released(tx, replaced)
            return Nothing()

        return self._executor.run(command, Nothing, self._inventory, release, record)


def _requests(plan: Plan) -> list[HoldRequest]:
    """Return the requests for a plan's wishes, in their order: seats, then units."""
    seats = [SeatRequest(wish.service, wish.count, wish.names, wish.beside) for wish in plan.seats]
    return [*seats, *(StockRequest(wish.item, wish.service, wish.day, len(wish.lines)) for wish in plan.stock)]


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


RESERVE_SEATS = Reversible(
    ReserveSeatsCommand,
    SeatActivities.reserve_seats,
    undo=SeatActivities.release_seats,
    undo_name=StepName.RELEASE_SEATS,
    system=System.SEATS,
)
EXTEND_HOLDS = Check(ExtendHoldsCommand, SeatActivities.extend_holds, system=System.SEATS)
CONFIRM_SEATS = Final(ConfirmSeatsCommand, SeatActivities.confirm_seats, system=System.SEATS)
RELEASE_REPLACED_SEATS = Final(ReleaseReplacedSeatsCommand, SeatActivities.release_replaced_seats, system=System.SEATS)
