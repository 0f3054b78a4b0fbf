"""Orders with a change that is stuck in a step, as an operator finds them."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from sqlmodel import col, delete, select
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.service import RPCError

from cli.faults.injection import Armed, Fault
from store.tables import ReservationRow, SeatHoldRow, StockHoldRow
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.world import CARD, Answer, World, replace
from workflows.order_draft import OrderDraft

_AFTER: dict[str, str] = {
    StepName.RELEASE_SEATS: StepName.AUTHORISE_PAYMENT,
    StepName.VOID_PAYMENT: StepName.SETTLE_PRICE_DIFFERENCE,
}
"""The step whose refusal leads to an undo."""


async def start_stuck_change(
    world: World, step: str, rest: timedelta | None = None
) -> tuple[str, "asyncio.Task[Answer]", Armed]:
    """Start a change that is stuck in a step; return its order, its request and the armed fault.

    `rest` is the pause between two attempts until operators are called; without it there is one attempt.
    """
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    if step in _AFTER:
        world.faults.arm(order, _AFTER[step], Fault.REFUSED)
    armed = world.faults.arm(order, step, Fault.DOWN)
    usual, armed.rest = armed.rest, rest or armed.rest
    change = world.change(order, replace([f"{order}-1"], bundle), confirm=True, payment=CARD, Prefer="wait=30")
    request = asyncio.create_task(change)
    await wait_until_called(world, order, armed)
    armed.rest = usual
    await wait_until_stuck(world, order, armed)
    return order, request, armed


async def wait_until_called(world: World, order: str, armed: Armed) -> None:
    """Wait until operators are called: the order shows what is unsettled."""
    async with asyncio.timeout(30):
        await armed.reached.wait()
        while True:
            shown = (await world.workflow(order).query(OrderDraft.progress)).stuck
            if shown and shown.unsettled:
                break
            await asyncio.sleep(0.05)


async def wait_until_stuck(world: World, order: str, armed: Armed) -> None:
    """Wait until the order needs attention, shows what is unsettled and waits for an operator."""
    await wait_until_called(world, order, armed)
    await wait_until_between_attempts(world, order)


async def wait_until_step_is_stuck(world: World, order: str, step: str) -> None:
    """Wait until this step of an order is stuck and shows what is unsettled; its run may not have started yet."""
    async with asyncio.timeout(30):
        while True:
            with suppress(RPCError):
                shown = (await world.workflow(order).query(OrderDraft.progress)).stuck
                if shown and shown.step == step and shown.unsettled:
                    return
            await asyncio.sleep(0.05)


async def wait_until_between_attempts(world: World, order: str, since: str = "") -> str:
    """Wait until a stuck step waits for its next attempt, which only an operator's action starts; return its id.

    The order needs attention before the step is first tried in that state, and an operator's action is answered
    before the step is tried again. `since` is the id of the activity before that action.
    """
    async with asyncio.timeout(30):
        while True:
            about = (await world.workflow(order).describe()).raw_description
            for each in about.pending_activities:
                at_rest = each.attempt > 1 and each.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
                if at_rest and each.activity_id != since:
                    return each.activity_id
            await asyncio.sleep(0.05)


def lose_holds(world: World, order: str) -> list[str]:
    """Let the inventory forget what it holds for an order; return the services."""
    with world.components.store.write() as tx:
        held = select(ReservationRow).where(ReservationRow.order_number == order, ReservationRow.state == "held")
        rows = tx.exec(held).all()
        references = [row.reference for row in rows]
        tx.exec(delete(SeatHoldRow).where(col(SeatHoldRow.reference).in_(references)))
        tx.exec(delete(StockHoldRow).where(col(StockHoldRow.reference).in_(references)))
        return list(dict.fromkeys(row.service for row in rows if row.service))
