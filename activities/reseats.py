"""Reseats a change that is stuck after its point of no return, because its seats are gone: it gets other ones.

A reseat begins by withdrawing the key under which the seats were to be confirmed, so that no attempt under it takes
effect any more. Then as many other seats are held on the same service, and the change goes on: its seats are confirmed
under a key of their own. If no seats are left, it goes on as it was, and is stuck again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, NamedTuple, final

from pydantic import BaseModel
from sqlmodel import Session

from activities.plans import (
    OperatorRequest,
    PlanChangeCommand,
    claim,
    leaves_to_newer_worker,
    record_operator_request,
)
from activities.seats import RESERVE_SEATS, ConfirmSeatsCommand
from activities.support import inventory_holds
from activities.support.errors import AnswerOutstandingError
from activities.support.final_attempts import check_not_confirmed
from activities.support.inventory_holds import HoldAnswer, HoldWish
from activities.support.old_seats import Holds, find_gone
from activities.support.step_context import StepContext
from activities.support.step_kinds import EXTERNAL_ATTEMPT, Command, Executor, Pivot, Reversible
from domain.changes import ChangeState
from domain.formats import NewerWorkerNeededError
from domain.orders import Order, ReservationState
from domain.refusals import NothingToReseat, OutcomeUnknown, SeatsConfirmed, SeatsNamed
from domain.reseats import Reseat
from domain.wording import counted, listed
from providers.protocols import Held, HeldSeat, HoldRequest, SeatRequest, StockRequest
from store.changes import changes, reseats, reversals, step_records
from store.changes.new_records import NewRecord
from store.orders import reservations
from store.orders.events import EventType, append
from store.orders.reservations import KeptReservation
from store.tables import ChangeRow, OrderRow, StepRecordRow
from temporal.names import StepName, System, numbered_key


class BeginReseatCommand(Command):
    """Withdraw the confirmation of the seats that are gone."""

    step: ClassVar[str] = StepName.BEGIN_RESEAT
    operator_request: OperatorRequest | None = None
    by_itself: bool = False
    """Whether no operator requested it: then its change is the stuck one, so that it happens once per change."""
    seats: tuple[str, ...] = ()
    """The ids of the reservations whose seats are gone, as far as the inventory says; none before it was asked."""
    units: tuple[str, ...] = ()

    def summary(self) -> str:
        """Describe the step."""
        return "begin the reseat: the seats that are gone are not confirmed any more"


class BeginReseatResult(BaseModel):
    """The reseat that has begun."""

    reseat: Reseat | None = None
    already_ended: ChangeState | None = None
    """The outcome that the request for it has already; then there is nothing to do."""
    code: str | None = None
    left_to_newer_worker: bool = False
    """Whether this release does not know the format of the request, so that nothing has happened."""


@final
class BeginReseat(Pivot[BeginReseatCommand, BeginReseatResult]):
    """Claims the request for a reseat and withdraws the key under which the stuck change confirms its seats.

    Raises NothingToReseat, SeatsConfirmed, OutcomeUnknown, and SeatsNamed unless an operator requested it.
    """

    system = System.STORE
    attempt = EXTERNAL_ATTEMPT

    def execute(self, executor: Executor, command: BeginReseatCommand) -> BeginReseatResult:
        """Ask the inventory what is gone, outside of the transaction.

        A request of a later format is not retried: the change that is stuck must not wait for it. Without an
        operator's request the answer to an attempt that is under way is waited for: it comes sooner than an operator.
        """
        if command.by_itself:
            _await_answer(executor.context, command)
        gone = find_seats_gone(executor.context, command.order)
        found = {"seats": tuple(row.id for row in gone.seats), "units": tuple(row.id for row in gone.units)}
        try:
            with leaves_to_newer_worker(executor.context, command.change):
                return executor.run(self, command.model_copy(update=found))
        except NewerWorkerNeededError:
            return BeginReseatResult(left_to_newer_worker=True)

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: BeginReseatCommand, response: Any
    ) -> BeginReseatResult:
        """Check, withdraw the key, and return what is to be held."""
        now = context.store.now()
        if not command.by_itself:
            sent = {"operator_request": command.operator_request}
            claimed = claim(context, tx, order, PlanChangeCommand(change=command.change, order=command.order, **sent))
            if claimed.already_ended is not None:
                return BeginReseatResult(already_ended=claimed.already_ended, code=claimed.code)
            record_operator_request(tx, order, changes.existing(tx, command.change), now)
        row, gone = check_reseatable(tx, order, command.seats, command.units, external=context.inventory.external)
        number = reseats.number_of(tx, order.number, row.id)
        if command.by_itself:
            if number:
                raise NothingToReseat
            if named_seats(tx, gone.seats):
                raise SeatsNamed
        confirmation = ConfirmSeatsCommand(change=row.id, order=order.number, reseat=number)
        step_records.withdraw(tx, order.tenant, NewRecord(confirmation), now)
        ids = {"seats": command.seats, "units": command.units}
        return BeginReseatResult(reseat=Reseat(change=row.id, number=number + 1, **ids))


def _await_answer(context: StepContext, command: BeginReseatCommand) -> None:
    with context.store.read() as tx:
        try:
            check_not_confirmed(tx, command.order, command.change)
        except OutcomeUnknown:
            raise AnswerOutstandingError from None
        except SeatsConfirmed:
            return  # the step itself says so


def find_seats_gone(context: StepContext, order: str) -> Holds:
    """Return what has to be held anew of what an order holds. It must not be called within a transaction."""
    with context.store.read() as tx:
        held, _ = held_and_own(tx, order)
        tenant = tx.get_one(OrderRow, order).tenant
    return find_gone(context.inventory, tenant, held)


def held_and_own(tx: Session, order: str) -> tuple[list[KeptReservation], list[KeptReservation]]:
    """Return what live lines of an order hold, and what they have confirmed."""
    live, _ = reservations.at_confirmation(tx, order)
    return (
        [row for row in live if row.state == ReservationState.HELD],
        [row for row in live if row.state == ReservationState.CONFIRMED],
    )


def check_reseatable(
    tx: Session, order: OrderRow, seats: Sequence[str], units: Sequence[str], *, external: bool
) -> tuple[ChangeRow, Holds]:
    """Return an order's change that is stuck after its settlement, with what is held anew, if it can be reseated.

    `external`: whether the inventory is. Raises NothingToReseat, SeatsConfirmed and OutcomeUnknown.
    """
    row = reversals.settled_change(tx, order.number)
    if row is None:
        raise NothingToReseat
    before = reseats.latest(tx, order.number, row.id)
    if before is not None and not reseats.is_finished(tx, before):
        raise NothingToReseat
    check_not_confirmed(tx, order.number, row.id)
    # Of two requests at once the second must not replace the seats of the first before their confirmation was tried.
    if external and before is not None and reseats.has_held(tx, before):
        attempts = step_records.attempts_at(tx, numbered_key(row.id, StepName.CONFIRM_SEATS, before.number))
        if attempts is None or attempts.refused_at is None:
            raise NothingToReseat
    held, _ = held_and_own(tx, order.number)
    gone = Holds([each for each in held if each.id in seats], [each for each in held if each.id in units])
    # What the inventory was asked about may have changed before this transaction.
    if not any(gone) or [len(gone.seats), len(gone.units)] != [len(seats), len(units)]:
        raise NothingToReseat
    return row, gone


def named_seats(tx: Session, seats: Sequence[KeptReservation]) -> list[KeptReservation]:
    """Return those of an order's held seats that the client chose by name."""
    keys = reservations.keys_of(tx, [row.id for row in seats])
    named: set[str] = set()
    for key in set(keys.values()):
        change, _, step = key.partition("/")
        if step == RESERVE_SEATS.name:
            wishes = changes.plan_of(changes.existing(tx, change)).seats
            by_name = [bool(wish.names) for wish in wishes for _ in range(wish.count)]
            of_key = [row for row in reservations.ever_under_key(tx, key) if row.item is None]
            named.update(row.id for row, is_named in zip(of_key, by_name, strict=False) if is_named)
    return [row for row in seats if row.id in named]


class ReseatCommand(Command):
    """Hold other seats, and give up those that are gone."""

    step: ClassVar[str] = StepName.RESEAT
    number: int
    seats: tuple[str, ...]
    units: tuple[str, ...] = ()
    """As in Reseat."""

    @property
    def key(self) -> str:
        """The key of the step: each reseat of a change has its own."""
        return numbered_key(self.change, self.step, self.number)

    def summary(self) -> str:
        """Describe the step: how many seats and units."""
        things = ((len(self.seats), "other seat"), (len(self.units), "other unit"))
        return f"hold {listed([counted(count, noun) for count, noun in things if count])}"


class ReseatResult(BaseModel):
    """How many seats and units are held."""

    seats: int
    units: int = 0


class _Answer(NamedTuple):
    """What is held for which reservation."""

    pairs: list[tuple[KeptReservation, Held]]
    answer: HoldAnswer


@final
class HoldOtherSeats(Reversible[ReseatCommand, ReseatResult]):
    """Holds as many other seats on the same services, all or none, and releases those before.

    Raises SoldOut. Then nothing has changed. Its undo is part of a reversal.
    """

    system = System.SEATS
    undo_name = StepName.RELEASE_RESEATED
    by_hand = False

    def call(self, context: StepContext, order: OrderRow, command: ReseatCommand) -> _Answer:
        """Hold the others, then release those before."""
        rows, wish = _wish(context, command)
        return _replace(context, order, rows, inventory_holds.hold(context, order, command, wish))

    def call_again(self, context: StepContext, order: OrderRow, command: ReseatCommand) -> _Answer:
        """Hold the others, or find what an earlier attempt has held, then release those before."""
        rows, wish = _wish(context, command)
        return _replace(context, order, rows, inventory_holds.hold_again(context, order, command, wish))

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: ReseatCommand, response: _Answer
    ) -> ReseatResult:
        """Give the reservations their other seats; they keep their ids, so the lines stay as they are."""
        inventory_holds.check_recordable(context, tx, order, command, response.answer)
        pairs, until = response.pairs, response.answer.wish.until
        reservations.record_reassigned(tx, command.key, [(row, asdict(each)) for row, each in pairs], until)
        seats = [(row, each) for row, each in pairs if isinstance(each, HeldSeat)]
        data = {
            "reservations": [row.id for row, _ in pairs],
            "from": [f"{row.seat_name} on {row.place}" for row, _ in seats],
            "to": [f"{each.coach}-{each.seat:02} on {each.service}" for _, each in seats],
        }
        append(tx, order, EventType.SEATS_REASSIGNED, command.change, context.store.now(), data)
        return ReseatResult(seats=len(seats), units=len(pairs) - len(seats))

    def undo_call(self, context: StepContext, order: OrderRow, command: ReseatCommand) -> None:
        """Release what the key holds, if anything. A hold that arrives later is refused."""
        inventory_holds.release(context, order, command)

    def revert(
        self, context: StepContext, tx: Session, order: OrderRow, command: ReseatCommand, result: ReseatResult
    ) -> None:
        """Mark the reservations as released."""
        reservations.record_released(tx, reservations.under_key(tx, command.key))

    def describe_undo(self, tx: Session, order: Order, record: StepRecordRow) -> Iterator[str]:
        """Yield the seats and the units that are released."""
        yield from RESERVE_SEATS.describe_undo(tx, order, record)


def _wish(context: StepContext, command: ReseatCommand) -> tuple[list[KeptReservation], HoldWish]:
    """Return the reservations that get other places, and what is to be held for them, in the same order."""
    with context.store.read() as tx:
        held, own = held_and_own(tx, command.order)
    leaving = (*command.seats, *command.units)
    groups = _groups([row for row in held if row.id in leaving])
    beside = [*own, *(row for row in held if row.id not in command.seats)]
    until = context.deadlines.holds_until(context.store.now() + context.deadlines.draft)
    wish = HoldWish([_request(rows, beside) for rows in groups], until, leaving)
    return [row for rows in groups for row in rows], wish


def _replace(context: StepContext, order: OrderRow, rows: Sequence[KeptReservation], answer: HoldAnswer) -> _Answer:
    """Release the places before, now that the others are held."""
    pairs = list(zip(rows, answer.held, strict=True))
    inventory_holds.release_references(context, order.tenant, rows)
    return _Answer(pairs, answer)


def _groups(rows: Sequence[KeptReservation]) -> list[list[KeptReservation]]:
    """Return the rows by what is requested together: the seats of a service, and the units of one stock; seats first.

    A group keeps its order, so the same rows always get the same places of a repeated answer.
    """
    groups: dict[tuple[bool, str, str], list[KeptReservation]] = {}
    for row in rows:
        groups.setdefault((row.item is not None, row.item or "", row.place), []).append(row)
    return [groups[key] for key in sorted(groups)]


def _request(rows: Sequence[KeptReservation], beside: Sequence[KeptReservation]) -> HoldRequest:
    first = rows[0]
    if first.item is not None:
        return StockRequest(first.item, first.service, first.day, len(rows))
    own = [row.seat_name for row in beside if row.item is None and row.service == first.service]
    return SeatRequest(first.service or "", len(rows), beside=tuple(own))


BEGIN_RESEAT = BeginReseat()
HOLD_OTHER_SEATS = HoldOtherSeats()
