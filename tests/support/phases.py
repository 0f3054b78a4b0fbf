"""Changes in one go, each held at a phase of its own while something outside is broken."""

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
"""How long the clients of these requests want to wait."""
MAX_ANSWER_SECONDS = 9.0
"""An answer must have come by then, whatever is broken: a request has 5 seconds to be accepted, a busy store 3."""
ALLOWED_STATUSES = (200, 202, 503)


@dataclass(frozen=True)
class Phase:
    """Where a change is held, and whether it is being taken back there."""

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
    """Send it, and the same again: under one key."""
    armed: Armed
    first_response: "asyncio.Task[tuple[Answer, float]]"

    async def first_answer(self) -> Answer:
        """Return what the client heard first, and see that it heard it in time."""
        answer, seconds = await self.first_response
        assert seconds < MAX_ANSWER_SECONDS, f"{self.phase}: {seconds:.1f} seconds"
        assert answer.status in (*ALLOWED_STATUSES, 409 if self.phase.refused else 200), f"{self.phase}: {answer.body}"
        return answer


async def start_and_hold(world: World, phase: Phase) -> HeldChange:
    """Ask for a dearer change in one go, and return when it has come to its phase."""
    order = await world.sold(ADULT)
    before, key = world.snapshot(order), str(uuid.uuid4())
    bundle = await world.offer("flexible", ADULT, service=world.train())
    wanted = replace([f"{order}-1"], bundle)
    if phase.refused:
        world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    armed = world.faults.arm(order, phase.step, phase.fault)

    def send() -> Coroutine[Any, Any, Answer]:
        return world.change(order, wanted, key=key, confirm=True, payment=CARD, Prefer=f"wait={CLIENT_WAIT_SECONDS:.0f}")

    first = asyncio.create_task(timed(send()))
    await asyncio.wait_for(armed.reached.wait(), 20)
    return HeldChange(phase, order, before, send, armed, first)


async def hold_at_every_phase(world: World) -> list[HeldChange]:
    """Return one change at each phase."""
    return list(await asyncio.gather(*(start_and_hold(world, phase) for phase in PHASES)))


async def timed(asked: Coroutine[Any, Any, Answer]) -> tuple[Answer, float]:
    """Return an answer, and how long it took."""
    began = time.monotonic()
    return await asked, time.monotonic() - began


async def send_until_answered(send: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
    """Send a request again under its key until it has its answer, as a client would."""
    async with asyncio.timeout(60):
        while (answer := await send()).status in (202, 503):  # noqa: ASYNC110 - only asking again tells
            await asyncio.sleep(0.1)
    return answer


async def check_outcome(world: World, each: HeldChange) -> None:
    """See that a change became the new order, or the old one untouched, once."""
    answer = await send_until_answered(each.send)
    if each.phase.refused:
        assert (answer.status, world.snapshot(each.order)) == (409, each.before), each.phase
    else:
        assert answer.status == 200, f"{each.phase}: {answer.body}"
        await check_changed(world, each.order)
    assert world.at_most_once(each.order), each.phase
    assert violations_of(world, each.order) == []


async def check_changed(world: World, order: str) -> None:
    """See that an order is what a dearer change in one go makes of it."""
    shown = await world.show(order)
    assert (shown["status"], shown["version"], shown["paid"], shown["balance"]) == ("confirmed", 2, "399.00", "0.00")
    assert (len(shown["lines"]), len(world.seats_of(order))) == (1, 1)


def violations_of(world: World, order: str) -> list[str]:
    """Return which invariants do not hold for an order, or for nobody."""
    with world.components.store.read() as tx:
        return [f"{each.invariant} {each.what}" for each in invariants.violations(tx) if each.order in (order, None)]
