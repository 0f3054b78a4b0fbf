"""Holds, extends, confirms and releases seats and units of stock."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import ClassVar, NamedTuple, final

from pydantic import BaseModel, Field
from sqlmodel import Session

from activities.support import inventory_holds
from activities.support.deadlines import check_holds_last, latest_deadline
from activities.support.errors import refusal_in
from activities.support.hold_limits import size_of_holds
from activities.support.inventory_holds import HoldAnswer, HoldWish
from activities.support.step_context import StepContext
from activities.support.step_kinds import Command, Final, Harmless, Nothing, Reversible
from domain.orders import Order, ReservationState
from domain.planning.plan import Plan
from domain.wording import counted, listed
from providers.errors import ProviderError
from providers.protocols import HeldSeat, HoldRequest, SeatRequest, StockRequest
from store.changes import changes
from store.changes.new_records import Size
from store.orders import reservations
from store.orders.events import EventType, append
from store.orders.hold_counts import as_units, of_plan
from store.orders.reservations import KeptReservation
from store.tables import OrderRow, StepRecordRow
from temporal.names import StepName, System, numbered_key

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
        seats = [counted(self.seats, "seat")] if self.seats else []
        held = seats + [f"{count} {item}" for item, count in sorted(self.stock.items())]
        places, more = self.services[:MAX_PLACES], len(self.services) - MAX_PLACES
        return f"hold {listed(held)} on {', '.join(places)}{f' and {more} more' if more > 0 else ''}"


class ReserveSeatsResult(BaseModel):
    """How many seats and units are held."""

    seats: int
    units: int = 0


@final
class ReserveSeats(Reversible[ReserveSeatsCommand, ReserveSeatsResult]):
    """Holds the seats and units of a plan, all or none.

    Raises SoldOut, SeatTaken, SeatUnknown, HoldTooShort and refusals of HoldLimits.
    """

    system = System.SEATS
    undo_name = StepName.RELEASE_SEATS

    def precheck(self, context: StepContext, tx: Session, order: OrderRow, command: ReserveSeatsCommand) -> None:
        """Refuse more than an order or a client may hold."""
        context.hold_limits.check(tx, order, command, context.store.now())

    def call(self, context: StepContext, order: OrderRow, command: ReserveSeatsCommand) -> HoldAnswer:
        """Hold what the plan wishes for."""
        return inventory_holds.hold(context, order, command, _wish(context, order, command))

    def call_again(self, context: StepContext, order: OrderRow, command: ReserveSeatsCommand) -> HoldAnswer:
        """Hold, or find what an earlier attempt has held."""
        return inventory_holds.hold_again(context, order, command, _wish(context, order, command))

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: ReserveSeatsCommand, response: HoldAnswer
    ) -> ReserveSeatsResult:
        """Add the reservations to the order."""
        inventory_holds.check_recordable(context, tx, order, command, response)
        held, until = response.held, response.wish.until
        client = changes.existing(tx, command.change).client
        reservations.record_held(tx, order, client, command.key, [asdict(each) for each in held], until)
        if self.calls_outside(context):
            check_holds_last(tx, order, context.store.now())
        seats = sum(isinstance(each, HeldSeat) for each in held)
        return ReserveSeatsResult(seats=seats, units=len(held) - seats)

    def size(self, tx: Session, order: OrderRow, command: ReserveSeatsCommand, response: HoldAnswer | None) -> Size:
        """Return how many seats and units are held at each place, or are requested."""
        if response is not None:
            return size_of_holds(response.held)
        change = changes.of_id(tx, command.change)
        # Without a plan the step was never started, and its undo comes first.
        return Size(units=as_units(of_plan(changes.plan_of(change)))) if change and change.plan else Size()

    def undo_call(self, context: StepContext, order: OrderRow, command: ReserveSeatsCommand) -> None:
        """Release what the key holds, if anything. A hold that arrives later is refused."""
        inventory_holds.release(context, order, command)

    def revert(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: ReserveSeatsCommand,
        result: ReserveSeatsResult,
    ) -> None:
        """Mark the reservations as released."""
        reservations.record_released(tx, reservations.under_key(tx, command.key))

    def describe_undo(self, tx: Session, order: Order, record: StepRecordRow) -> Iterator[str]:
        """Yield the seats and the units that are released."""
        held = reservations.under_key(tx, record.key)
        seats = [f"{each.seat_name} on {each.place}" for each in held if each.item is None]
        units = [f"{each.item} on {each.place}" for each in held if each.item is not None]
        for things, noun in ((seats, "seat"), (units, "unit")):
            if things:
                yield f"{counted(len(things), noun)} released: {', '.join(things)}"


def _wish(context: StepContext, order: OrderRow, command: ReserveSeatsCommand) -> HoldWish:
    with context.store.read() as tx:
        plan = changes.plan_of(changes.existing(tx, command.change))
    return HoldWish(_requests(plan), _held_until(context, order))


def _held_until(context: StepContext, order: OrderRow, draft_ends: datetime | None = None) -> datetime:
    """Return until when a draft's seats are held, if it ends then or, without a moment, as its last change says."""
    deadlines = context.deadlines
    return deadlines.holds_until(draft_ends or deadlines.draft_ends(order, context.store.now()))


def _requests(plan: Plan) -> list[HoldRequest]:
    """Return the requests for a plan's wishes, in their order: seats, then units."""
    seats = [SeatRequest(wish.service, wish.count, wish.names, wish.beside) for wish in plan.seats]
    return [*seats, *(StockRequest(wish.item, wish.service, wish.day, len(wish.lines)) for wish in plan.stock)]


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


@final
class ExtendHolds(Harmless[ExtendHoldsCommand, ExtendHoldsResult]):
    """Extends every hold of the draft, and moves its deadline if one is requested.

    Raises HoldLost, HoldCostsMoney, HoldTooShort, and DeadlineTooLate if the provider does not hold for long enough.

    Without an undo: a longer hold harms nobody, since it ends with the draft. The holds are extended first: if the
    provider refuses, the deadline stays as it was.
    """

    system = System.SEATS

    def call(self, context: StepContext, order: OrderRow, command: ExtendHoldsCommand) -> "_Extension":
        """Extend what the order holds."""
        with context.store.read() as tx:
            held = reservations.still_held(tx, command.order)
        until = _held_until(context, order, command.expires_at)
        answered = inventory_holds.extend(context, order.tenant, [row.reference for row in held], until)
        return _Extension(held, until, answered)

    def record(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: ExtendHoldsCommand,
        response: "_Extension",
    ) -> ExtendHoldsResult:
        """Set the new expiry of the reservations, and the deadline."""
        reservations.set_expiry(tx, *response)
        if self.calls_outside(context):
            check_holds_last(tx, order, context.store.now())
        if command.expires_at:
            latest = latest_deadline(tx, order, context.external_systems)
            if latest is not None:
                latest.check(command.expires_at)
            order.expires_at = order.expires_asked = command.expires_at
            data = {"expires_at": command.expires_at.isoformat()}
            append(tx, order, EventType.DRAFT_EXTENDED, command.change, context.store.now(), data)
        return ExtendHoldsResult(expires_at=order.expires_at)


class _Extension(NamedTuple):
    """What was extended, until when it was requested, and the end that the provider answered if it is earlier."""

    held: list[KeptReservation]
    until: datetime
    answered: datetime | None


class ConfirmSeatsCommand(Command):
    """Confirm the new seats and units and release the old ones."""

    step: ClassVar[str] = StepName.CONFIRM_SEATS
    reseat: int = 0
    """The number of the change's latest reseat: each withdraws the key before it."""

    @property
    def key(self) -> str:
        """The key of the step; after a reseat another one."""
        return numbered_key(self.change, self.step, self.reseat)

    def summary(self) -> str:
        """Describe the step."""
        return "confirm the new seats and release the old ones"


@final
class ConfirmSeats(Final[ConfirmSeatsCommand, Nothing]):
    """Confirms what live lines hold and releases what removed lines had, in one call to the provider."""

    system = System.SEATS

    def call(
        self, context: StepContext, order: OrderRow, command: ConfirmSeatsCommand
    ) -> tuple[list[KeptReservation], list[KeptReservation]]:
        """Confirm and release, unless an operator did so by hand."""
        fresh, removed = _at_confirmation(context, command)
        if command.done_by_hand_reason is None:
            inventory_holds.confirm(context, order.tenant, command.key, fresh, removed)
        return fresh, removed

    def call_again(
        self, context: StepContext, order: OrderRow, command: ConfirmSeatsCommand
    ) -> tuple[list[KeptReservation], list[KeptReservation]]:
        """Confirm and release; what an earlier attempt has sold is confirmed, whatever is answered now."""
        try:
            return self.call(context, order, command)
        except ProviderError as error:
            fresh, removed = _at_confirmation(context, command)
            # A confirmation is all or nothing.
            if refusal_in(error) is None or not inventory_holds.are_sold(context, order, fresh):
                raise
            return fresh, removed

    def record(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: ConfirmSeatsCommand,
        response: tuple[list[KeptReservation], list[KeptReservation]],
    ) -> Nothing:
        """Mark the reservations as confirmed and as released."""
        fresh, removed = response
        reservations.record_confirmed(tx, fresh)
        reservations.record_released(tx, removed)
        if fresh or removed:
            data = {"confirmed": [row.id for row in fresh], "released": [row.id for row in removed]}
            append(tx, order, EventType.SEATS_CONFIRMED, command.change, context.store.now(), data)
        return Nothing()


def _at_confirmation(
    context: StepContext, command: ConfirmSeatsCommand
) -> tuple[list[KeptReservation], list[KeptReservation]]:
    """Return what live lines hold that is not confirmed yet, and what the order gives up."""
    with context.store.read() as tx:
        live, removed = reservations.at_confirmation(tx, command.order)
    return [row for row in live if row.state == ReservationState.HELD], removed


class ReleaseReplacedSeatsCommand(Command):
    """Release seats and units of draft lines that a change replaced."""

    step: ClassVar[str] = StepName.RELEASE_REPLACED_SEATS

    def summary(self) -> str:
        """Describe the step."""
        return "release the seats that this change replaced"


@final
class ReleaseReplacedSeats(Final[ReleaseReplacedSeatsCommand, Nothing]):
    """Releases what draft lines held that this change replaced, once the change cannot fail any more."""

    system = System.SEATS

    def call(
        self, context: StepContext, order: OrderRow, command: ReleaseReplacedSeatsCommand
    ) -> list[KeptReservation]:
        """Release the holds, unless an operator did so by hand."""
        with context.store.read() as tx:
            replaced = reservations.replaced_holds(tx, command.order, command.change)
        if command.done_by_hand_reason is None:
            inventory_holds.release_references(context, order.tenant, replaced)
        return replaced

    def record(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: ReleaseReplacedSeatsCommand,
        response: list[KeptReservation],
    ) -> Nothing:
        """Mark the reservations as released."""
        reservations.record_released(tx, response)
        return Nothing()


RESERVE_SEATS = ReserveSeats()
EXTEND_HOLDS = ExtendHolds()
CONFIRM_SEATS = ConfirmSeats()
RELEASE_REPLACED_SEATS = ReleaseReplacedSeats()
