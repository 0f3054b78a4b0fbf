"""Holds seats for a change, and gives them back."""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from activities.support.deadlines import Deadlines
from activities.support.hold_limits import HoldLimits
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Check, Command, Final, Nothing, Reversible
from domain.orders import ReservationState
from providers.protocols import HeldSeat, SeatInventory, SeatRequest
from store.changes import changes
from store.orders import reservations
from store.orders.events import EventType, append
from store.orders.reservations import KeptSeat
from store.tables import OrderRow
from temporal.names import StepName, System


class ReserveSeatsCommand(Command):
    """Hold the seats a plan asks for."""

    step: ClassVar[str] = StepName.RESERVE_SEATS
    seats: int
    services: tuple[str, ...]

    def summary(self) -> str:
        """Say how many seats, and where."""
        return f"hold {self.seats} seat{'s' if self.seats != 1 else ''} on {', '.join(self.services)}"


class ReserveSeatsResult(BaseModel):
    """How many seats are held."""

    seats: int


class ExtendHoldsCommand(Command):
    """Let everything held outlive what comes next."""

    step: ClassVar[str] = StepName.EXTEND_HOLDS
    expires_at: datetime | None = None
    """The deadline a client asked for; None for a confirmation."""

    def summary(self) -> str:
        """Say what is prolonged."""
        return "let the seats held outlive the confirmation" if self.expires_at is None else "move the deadline"


class ExtendHoldsResult(BaseModel):
    """Everything held lasts long enough; the deadline the draft has now."""

    expires_at: datetime | None


class ConfirmSeatsCommand(Command):
    """Make the new seats ours and let the old ones go."""

    step: ClassVar[str] = StepName.CONFIRM_SEATS

    def summary(self) -> str:
        """Say what is done."""
        return "confirm the new seats and release the old ones"


class ReleaseReplacedSeatsCommand(Command):
    """Give back seats of draft lines that a change replaced."""

    step: ClassVar[str] = StepName.RELEASE_REPLACED_SEATS

    def summary(self) -> str:
        """Say what is given back."""
        return "give back the seats this change replaced"


class SeatActivities:
    """Everything done to seats."""

    def __init__(self, once: StepExecutor, seats: SeatInventory, deadlines: Deadlines, caps: HoldLimits) -> None:
        self._once = once
        self._seats = seats
        self._deadlines = deadlines
        self._caps = caps

    @activity.defn(name=StepName.RESERVE_SEATS, no_thread_cancel_exception=True)
    def reserve_seats(self, command: ReserveSeatsCommand) -> ReserveSeatsResult:
        """Hold the seats of a plan, all or none. Raises SoldOut, SeatTaken, SeatUnknown, and what HoldCaps does."""
        store = self._once.store

        def until(order: OrderRow) -> datetime:
            return self._deadlines.holds_until(self._deadlines.draft_ends(order, store.now()))

        def admit(tx: Session, order: OrderRow) -> None:
            self._caps.check(tx, order, command, store.now())

        def hold(order: OrderRow) -> list[HeldSeat]:
            with store.read() as tx:
                wishes = changes.plan_of(changes.existing(tx, command.change)).seats
            wanted = [SeatRequest(wish.service, wish.count, wish.names) for wish in wishes]
            return self._seats.hold(order.tenant, command.key, wanted, until(order))

        def note(tx: Session, order: OrderRow, held: list[HeldSeat]) -> ReserveSeatsResult:
            client = changes.existing(tx, command.change).client
            reservations.held(tx, order, client, command.key, held, until(order))
            return ReserveSeatsResult(seats=len(held))

        return self._once.run(command, ReserveSeatsResult, self._seats, hold, note, self._releasing(command), admit)

    @activity.defn(name=StepName.RELEASE_SEATS, no_thread_cancel_exception=True)
    def release_seats(self, command: ReserveSeatsCommand) -> Nothing:
        """Give back what a change held, if anything; a hold that comes later is refused."""

        def reverse(tx: Session, _order: OrderRow, _answer: str) -> None:
            reservations.released(tx, reservations.under_key(tx, command.key))

        return self._once.undo(command, reverse, self._seats, self._releasing(command))

    def _releasing(self, command: ReserveSeatsCommand) -> Callable[[OrderRow], None]:
        return lambda order: self._seats.release(order.tenant, command.key)

    @activity.defn(name=StepName.EXTEND_HOLDS, no_thread_cancel_exception=True)
    def extend_holds(self, command: ExtendHoldsCommand) -> ExtendHoldsResult:
        """Let every seat the draft holds last long enough, and move its deadline if that was asked.

        The holds come first: a provider's no leaves the deadline where it was. Raises HoldLost.
        """
        store = self._once.store

        def until(order: OrderRow) -> datetime:
            ends = command.expires_at or self._deadlines.draft_ends(order, store.now())
            return self._deadlines.holds_until(ends)

        def extend(order: OrderRow) -> list[KeptSeat]:
            with store.read() as tx:
                held = reservations.still_held(tx, command.order)
            self._seats.extend(order.tenant, [row.reference for row in held], until(order))
            return held

        def note(tx: Session, order: OrderRow, held: list[KeptSeat]) -> ExtendHoldsResult:
            reservations.last_until(tx, held, until(order))
            if command.expires_at:
                order.expires_at, order.expires_fixed = command.expires_at, True
                moment = command.expires_at.isoformat()
                append(tx, order, EventType.DRAFT_EXTENDED, command.change, store.now(), {"expires_at": moment})
            return ExtendHoldsResult(expires_at=order.expires_at)

        return self._once.run(command, ExtendHoldsResult, self._seats, extend, note)

    @activity.defn(name=StepName.CONFIRM_SEATS, no_thread_cancel_exception=True)
    def confirm_seats(self, command: ConfirmSeatsCommand) -> Nothing:
        """Confirm what live lines hold and release what removed lines had, in one act."""

        def confirm(order: OrderRow) -> tuple[list[KeptSeat], list[KeptSeat]]:
            with self._once.store.read() as tx:
                taken, given_up = reservations.at_confirmation(tx, command.order)
            fresh = [row for row in taken if row.state == ReservationState.HELD]
            if command.done_by_hand_reason is None:
                references = [row.reference for row in given_up]
                self._seats.confirm(order.tenant, command.key, [row.reference for row in fresh], references)
            return fresh, given_up

        def note(tx: Session, order: OrderRow, seats: tuple[list[KeptSeat], list[KeptSeat]]) -> Nothing:
            fresh, given_up = seats
            reservations.confirmed(tx, fresh)
            reservations.released(tx, given_up)
            if fresh or given_up:
                data = {"confirmed": [row.id for row in fresh], "released": [row.id for row in given_up]}
                append(tx, order, EventType.SEATS_CONFIRMED, command.change, self._once.store.now(), data)
            return Nothing()

        return self._once.run(command, Nothing, self._seats, confirm, note)

    @activity.defn(name=StepName.RELEASE_REPLACED_SEATS, no_thread_cancel_exception=True)
    def release_replaced_seats(self, command: ReleaseReplacedSeatsCommand) -> Nothing:
        """Give back held seats of draft lines this change replaced, once it cannot fail any more."""

        def give_back(order: OrderRow) -> list[KeptSeat]:
            with self._once.store.read() as tx:
                superseded = reservations.superseded(tx, command.order, command.change)
            if command.done_by_hand_reason is None:
                self._seats.release_references(order.tenant, [row.reference for row in superseded])
            return superseded

        def note(tx: Session, _order: OrderRow, superseded: list[KeptSeat]) -> Nothing:
            reservations.released(tx, superseded)
            return Nothing()

        return self._once.run(command, Nothing, self._seats, give_back, note)


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
