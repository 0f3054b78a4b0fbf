"""Holds at the inventory for a step, and compares what it answers; what is wrong is released and never recorded.

At an external inventory the key of a discarded answer can hold nothing any more, so the next attempt holds under a key
with a number (`hold_key`). The number is committed before the key is used. Of all keys before it only the last may
still hold something: each attempt begins by releasing it.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session

from activities.support.errors import refusal_in
from activities.support.step_context import StepContext
from activities.support.step_kinds import Command
from providers.errors import ProviderAnswerWrongError, ProviderError, ProviderUnavailableError
from providers.inventory_answers import check_done, check_end, check_held
from providers.protocols import FoundHold, Held, HeldSeat, HoldRequest, HoldState
from store.changes import step_records
from store.orders import reservations
from store.orders.held_elsewhere import Position, is_held_elsewhere
from store.orders.reservations import KeptReservation
from store.tables import OrderRow
from temporal.names import hold_key

log = logging.getLogger(__name__)


class HoldWish(NamedTuple):
    """What a step wishes to hold, until when, and the reservations that its order gives up for it."""

    requests: Sequence[HoldRequest]
    until: datetime
    leaving: Collection[str] = ()


class HoldAnswer(NamedTuple):
    """What is held, what was wished for, and how many answers had been discarded before this one."""

    held: list[Held]
    wish: HoldWish
    discarded: int = 0


def hold(context: StepContext, order: OrderRow, command: Command, wish: HoldWish) -> HoldAnswer:
    """Hold for a step, all or none. Raises ProviderAnswerWrongError, and the refusals of `Inventory.hold`."""
    inventory, number = context.inventory, _discarded_answers(context, command)
    if number:
        check_done(inventory.release(order.tenant, hold_key(command.key, number - 1)))
    held = inventory.hold(order.tenant, hold_key(command.key, number), wish.requests, wish.until)
    return _accept(context, order, command, HoldAnswer(held, wish, number))


def hold_again(context: StepContext, order: OrderRow, command: Command, wish: HoldWish) -> HoldAnswer:
    """Hold for a step that may have been called before.

    A refusal is believed only when the inventory also says that it holds nothing under the key; what it does hold is
    the answer. Raises as `hold`, and ProviderUnavailableError when the inventory cannot say.
    """
    try:
        return hold(context, order, command, wish)
    except ProviderError as error:
        if refusal_in(error) is None:
            raise
        found = _find_held(context, order, command, wish)
        if found is None:
            raise
        log.warning("refused although held", extra={"step": command.step})
        return found


def _find_held(context: StepContext, order: OrderRow, command: Command, wish: HoldWish) -> HoldAnswer | None:
    number = _discarded_answers(context, command)
    found = _find(context, order, hold_key(command.key, number))
    if found.state in (HoldState.NOTHING, HoldState.GIVEN_BACK):
        return None
    if found.state is HoldState.SOLD:
        raise ProviderAnswerWrongError("what was to be held is sold")
    return _accept(context, order, command, HoldAnswer(list(found.held), wish, number))


def _find(context: StepContext, order: OrderRow, key: str) -> FoundHold:
    """Return what the inventory knows of a key. Raises ProviderUnavailableError when it cannot say."""
    found = context.inventory.find(order.tenant, key)
    if found.state is HoldState.CANNOT_SAY:
        raise ProviderUnavailableError("the inventory cannot say what it did under a key")
    return found


def are_sold(context: StepContext, order: OrderRow, held: Sequence[KeptReservation]) -> bool:
    """Whether the inventory has sold all these reservations; False if it has sold none of them, or there are none.

    Raises ProviderAnswerWrongError if it has sold some, and ProviderUnavailableError when it cannot say.
    """
    with context.store.read() as tx:
        keys = set(reservations.keys_of(tx, [row.id for row in held]).values())
        provider_keys = [hold_key(key, step_records.discarded_answers_at(tx, key)) for key in sorted(keys)]
    found = [_find(context, order, key) for key in provider_keys]
    sold = {place.reference for each in found if each.state is HoldState.SOLD for place in each.held}
    missing = {row.reference for row in held} - sold
    if missing and len(missing) < len(held):
        raise ProviderAnswerWrongError("some of what was to be confirmed together is sold")
    return bool(held) and not missing


def check_recordable(context: StepContext, tx: Session, order: OrderRow, command: Command, answer: HoldAnswer) -> None:
    """Check an answer again, under the order's lock. Raises ProviderAnswerWrongError.

    Meanwhile another attempt may have discarded it, or another order may have been answered the same seat.
    """
    if not context.inventory.external:
        return
    if step_records.discarded_answers_at(tx, command.key) != answer.discarded:
        raise ProviderAnswerWrongError("the answer was discarded by another attempt")
    _check_not_held_elsewhere(context, tx, order, command, answer)


def release(context: StepContext, order: OrderRow, command: Command) -> None:
    """Release what a step holds, if anything. A hold that arrives later is refused.

    Raises ProviderPendingError while the inventory has only accepted it.
    """
    number = _discarded_answers(context, command)
    keys = [hold_key(command.key, each) for each in range(max(0, number - 1), number + 1)]
    # All are released before one that is pending ends the attempt.
    for state in [context.inventory.release(order.tenant, key) for key in keys]:
        check_done(state)


def release_references(context: StepContext, tenant: str, held: Sequence[KeptReservation]) -> None:
    """Release reservations. Raises ProviderPendingError while the inventory has only accepted it."""
    check_done(context.inventory.release_references(tenant, [row.reference for row in held]))


def confirm(
    context: StepContext, tenant: str, key: str, taken: Sequence[KeptReservation], given_up: Sequence[KeptReservation]
) -> None:
    """Sell some reservations and release others, all or none.

    Raises HoldIsGoneError, and ProviderPendingError while the inventory has only accepted it: then nothing is sold.
    """
    sold, released = [row.reference for row in taken], [row.reference for row in given_up]
    check_done(context.inventory.confirm(tenant, key, sold, released))


def extend(context: StepContext, tenant: str, references: Sequence[str], until: datetime) -> datetime | None:
    """Extend holds; return their end if it is earlier than requested.

    Raises HoldIsGoneError, HoldCostsMoneyError, and ProviderAnswerWrongError for an end that cannot be.
    """
    answered = context.inventory.extend(tenant, references, until)
    check_end(answered, context.store.now())
    return answered


def _discarded_answers(context: StepContext, command: Command) -> int:
    if not context.inventory.external:
        # A wrong answer of an embedded inventory is rolled back with the step's transaction.
        return 0
    with context.store.read() as tx:
        return step_records.discarded_answers_at(tx, command.key)


def _accept(context: StepContext, order: OrderRow, command: Command, answer: HoldAnswer) -> HoldAnswer:
    """Return an answer that is right; otherwise discard it and release its key. Raises ProviderAnswerWrongError."""
    try:
        check_held(answer.wish.requests, answer.held, context.store.now())
        if context.inventory.external:
            with context.store.read() as tx:
                _check_not_held_elsewhere(context, tx, order, command, answer)
    except ProviderAnswerWrongError:
        if context.inventory.external:
            _discard(context, order, command, answer.discarded)
        raise
    return answer


def _discard(context: StepContext, order: OrderRow, command: Command, number: int) -> None:
    with context.store.write() as tx:
        may_release = step_records.discard_answer(tx, command.key, number)
    if may_release:
        # Pending or done: the next attempt begins by releasing it, and so does the undo.
        context.inventory.release(order.tenant, hold_key(command.key, number))


def _check_not_held_elsewhere(
    context: StepContext, tx: Session, order: OrderRow, command: Command, answer: HoldAnswer
) -> None:
    references = [each.reference for each in answer.held]
    seats = [Position(each.service, each.coach, each.seat) for each in answer.held if isinstance(each, HeldSeat)]
    now = context.store.now()
    if is_held_elsewhere(tx, order, command.key, references, seats, answer.wish.leaving, now):
        raise ProviderAnswerWrongError("an order of ours already has what is answered")
