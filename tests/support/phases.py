"""Changes in one go, each held at a phase while a test breaks a server."""

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from cli.faults.injection import Armed, Fault
from store import invariants
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.world import CARD, Answer, World, replace

CLIENT_WAIT_SECONDS = 3.0
"""The wait that the clients of these requests prefer, in seconds."""
MAX_ANSWER_SECONDS = 9.0
"""Every answer must come within it, whatever is broken: a request has 5 seconds to be accepted, a busy store 3."""
ALLOWED_STATUSES = (200, 202, 503)


@dataclass(frozen=True)
class Phase:
    """The step at which a change is held, and whether the change is being undone there."""

    step: str
    fault: Fault
    refused: bool = False


PHASES = (
    Phase(StepName.PLAN_CHANGE, Fault.PAUSED_AFTER),
    Phase(StepName.RESERVE_SEATS, Fault.PAUSED_AFTER),
    Phase(StepName.SWAP_OFFER_BUNDLE, Fault.PAUSED),
    Phase(StepName.SETTLE_PRICE_DIFFERENCE, Fault.PAUSED),
    Phase(StepName.SETTLE_PRICE_DIFFERENCE, Fault.PAUSED_AFTER),
    Phase(StepName.CONFIRM_SEATS, Fault.PAUSED),
    Phase(StepName.RELEASE_SEATS, Fault.PAUSED, refused=True),
    Phase(StepName.RESTORE_OFFER_BUNDLE, Fault.PAUSED_AFTER, refused=True),
)


@dataclass
class HeldChange:
    """A change that is held at its phase."""

    phase: Phase
    order: str
    before: str
    send: Callable[[], Coroutine[Any, Any, Answer]]
    """Sends the request; every call sends it under the same idempotency key."""
    armed: Armed
    first_response: "asyncio.Task[tuple[Answer, float]]"

    async def first_answer(self) -> Answer:
        """Return the first answer to the client; check that it came in time with an allowed status."""
        answer, seconds = await self.first_response
        assert seconds < MAX_ANSWER_SECONDS, f"{self.phase}: {seconds:.1f} seconds"
        assert answer.status in (*ALLOWED_STATUSES, 409 if self.phase.refused else 200), f"{self.phase}: {answer.body}"
        return answer


async def start_and_hold(world: World, phase: Phase) -> HeldChange:
    """Request a dearer change in one go, and return once it is held at its phase."""
    order = await world.sold(ADULT)
    before, key = world.snapshot(order), str(uuid.uuid4())
    bundle = await world.offer("flexible", ADULT, service=world.train())
    operation = replace([f"{order}-1"], bundle)
    if phase.refused:
        world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    armed = world.faults.arm(order, phase.step, phase.fault)

    def send() -> Coroutine[Any, Any, Answer]:
        return world.change(
            order, operation, key=key, confirm=True, payment=CARD, Prefer=f"wait={CLIENT_WAIT_SECONDS:.0f}"
        )

    first = asyncio.create_task(timed(send()))
    await asyncio.wait_for(armed.reached.wait(), 20)
    return HeldChange(phase, order, before, send, armed, first)


async def hold_at_every_phase(world: World) -> list[HeldChange]:
    """Start one change for each phase and return them, held there."""
    return list(await asyncio.gather(*(start_and_hold(world, phase) for phase in PHASES)))


async def timed(request: Coroutine[Any, Any, Answer]) -> tuple[Answer, float]:
    """Return an answer, and how many seconds it took."""
    began = time.monotonic()
    return await request, time.monotonic() - began


async def send_until_answered(send: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
    """Send a request under its key until the answer is final, as a client would."""
    async with asyncio.timeout(60):
        while (answer := await send()).status in (202, 503):  # noqa: ASYNC110 - a client has to poll
            await asyncio.sleep(0.1)
    return answer


async def check_outcome(world: World, each: HeldChange) -> None:
    """Check that a change led to the new order or left the old one unchanged, and had each effect at most once."""
    answer = await send_until_answered(each.send)
    if each.phase.refused:
        assert (answer.status, world.snapshot(each.order)) == (409, each.before), each.phase
    else:
        assert answer.status == 200, f"{each.phase}: {answer.body}"
        await check_changed(world, each.order)
    assert world.at_most_once(each.order), each.phase
    assert violations_of(world, each.order) == []


async def check_changed(world: World, order: str) -> None:
    """Check that an order is as a dearer change in one go leaves it."""
    shown = await world.show(order)
    assert (shown["status"], shown["version"], shown["paid"], shown["balance"]) == ("confirmed", 2, "399.00", "0.00")
    assert (len(shown["lines"]), len(world.seats_of(order))) == (1, 1)


def violations_of(world: World, order: str) -> list[str]:
    """Return the violated invariants of an order, and those that belong to no order."""
    with world.components.store.read() as tx:
        return [f"{each.invariant} {each.what}" for each in invariants.violations(tx) if each.order in (order, None)]
