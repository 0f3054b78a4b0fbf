"""A step that outlives its time-out while it waits for the store is not interrupted in the middle of its work."""

import asyncio
import threading

import pytest

from cli.faults.injection import Fault
from store.database import store
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.phases import check_changed, violations_of
from tests.support.world import CARD, World, replace

pytestmark = pytest.mark.faults


@pytest.mark.only_on("sqlite")  # which has one writer at a time
async def test_a_step_that_times_out_while_it_waits_to_write_leaves_the_store_to_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BUSY_SECONDS", 20)
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    writing, end = threading.Event(), threading.Event()

    def write() -> None:
        with world.components.store.write():
            writing.set()
            end.wait(20)

    writer = threading.Thread(target=write)

    def begin_to_write() -> None:
        writer.start()
        writing.wait(10)

    armed = world.faults.arm(order, StepName.RESERVE_SEATS, Fault.MEDDLED)
    armed.meddle = begin_to_write
    operation = replace([f"{order}-1"], bundle)
    request = asyncio.create_task(world.change(order, operation, confirm=True, payment=CARD, Prefer="wait=30"))
    async with asyncio.timeout(20):
        while world.faults.ran[order].count(StepName.RESERVE_SEATS) < 3:  # noqa: ASYNC110 - only the list shows it
            await asyncio.sleep(0.05)
    end.set()
    await asyncio.to_thread(writer.join)
    assert ((await request).status, armed.fired) == (200, 1)
    await check_changed(world, order)
    assert violations_of(world, order) == []
