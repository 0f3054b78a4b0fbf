"""Orders whose change is stuck in a step, as an operator finds them."""

import asyncio

from temporalio.api.enums.v1 import PendingActivityState

from cli.faults.injection import Armed, Fault
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.world import CARD, Answer, World, replace
from workflows.order_draft import OrderDraft

_AFTER: dict[str, str] = {
    StepName.RELEASE_SEATS: StepName.AUTHORISE_PAYMENT,
    StepName.VOID_PAYMENT: StepName.SETTLE_PRICE_DIFFERENCE,
}
"""Which refusal an undo comes after."""


async def start_stuck_change(world: World, step: str) -> tuple[str, "asyncio.Task[Answer]", Armed]:
    """Return an order whose change is stuck in a step."""
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    if step in _AFTER:
        world.faults.arm(order, _AFTER[step], Fault.REFUSED)
    armed = world.faults.arm(order, step, Fault.DOWN)
    wanted = world.change(order, replace([f"{order}-1"], bundle), confirm=True, payment=CARD, Prefer="wait=30")
    asked = asyncio.create_task(wanted)
    await wait_until_stuck(world, order, armed)
    return order, asked, armed


async def wait_until_stuck(world: World, order: str, armed: Armed) -> None:
    """Wait until an operator is called, and told what is left."""
    async with asyncio.timeout(30):
        await armed.reached.wait()
        while True:
            shown = (await world.workflow(order).query(OrderDraft.progress)).stuck
            if shown and shown.unsettled:
                break
            await asyncio.sleep(0.05)
    await wait_until_between_attempts(world, order)


async def wait_until_between_attempts(world: World, order: str, since: str = "") -> str:
    """Wait until a stuck step waits for its next attempt, which nobody but help begins; return which one it is.

    A call for an operator is heard before the step is tried under it, and help answered before it is tried again.
    """
    async with asyncio.timeout(30):
        while True:
            about = (await world.workflow(order).describe()).raw_description
            for each in about.pending_activities:
                at_rest = each.attempt > 1 and each.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
                if at_rest and each.activity_id != since:
                    return each.activity_id
            await asyncio.sleep(0.05)
