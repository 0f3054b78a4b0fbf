"""Orders whose change is stuck in a step, as an operator finds them."""

import asyncio

from tests.support.canary import ADULT
from tests.support.faults import Armed, Fault
from tests.support.world import CARD, Answer, World, replace
from workflows.order_draft import OrderDraft

_AFTER = {"release_seats": "authorise_payment", "void_payment": "settle_price_difference"}
"""Which refusal an undo comes after."""


async def stuck(world: World, step: str) -> tuple[str, "asyncio.Task[Answer]", Armed]:
    """Return an order whose change is stuck in a step."""
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    if step in _AFTER:
        world.faults.arm(order, _AFTER[step], Fault.REFUSED)
    armed = world.faults.arm(order, step, Fault.DOWN)
    wanted = world.change(order, replace([f"{order}-1"], bundle), confirm=True, payment=CARD, Prefer="wait=30")
    asked = asyncio.create_task(wanted)
    await until_stuck(world, order, armed)
    return order, asked, armed


async def until_stuck(world: World, order: str, armed: Armed) -> None:
    """Wait until an operator is called, and told what is left."""
    async with asyncio.timeout(30):
        await armed.reached.wait()
        while True:
            shown = (await world.workflow(order).query(OrderDraft.progress)).stuck
            if shown and shown.left:
                return
            await asyncio.sleep(0.05)
