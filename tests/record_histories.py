"""Records a history for each way a draft can go, for tests/histories: python -m tests.record_histories

What is there is never recorded again: a history that no longer replays is a broken promise to every
open draft, not a file to be refreshed. A new one gets a name of its own.
"""

import asyncio
import re
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from temporalio.testing import TimeSkipper

from cli import catalogue
from settings import Settings
from store.migrate import migrate
from tests.support.canary import ADULT, CHILD
from tests.support.faults import Fault
from tests.support.installation import running_world
from tests.support.temporal import temporal_server
from tests.support.world import CARD, DECLINED, World, add, replace

FOLDER = Path(__file__).parent / "histories"
_STACK_TRACE = re.compile(r'("stackTrace": )"(?:[^"\\]|\\.)*"')


async def _confirmed_in_one_go(world: World) -> str:
    return await world.sold(ADULT)


async def _drafted(world: World) -> str:
    order = await world.sold(ADULT)
    await world.change(order, replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train())))
    return order


async def _confirmed_after_two_changes_and_a_payment(world: World) -> str:
    order = await _drafted(world)
    await world.change(order, replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train())))
    await world.pay(order, "40.00")
    await world.confirm(order, CARD)
    return order


async def _refused(world: World) -> str:
    full = world.train(coaches=1, seats=1)
    await world.sold(CHILD, train=full)
    order = await world.sold(ADULT)
    await world.change(order, replace([f"{order}-1"], await world.offer("standard", ADULT, service=full)))
    return order


async def _payment_refused_in_one_go(world: World) -> str:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    await world.change(order, replace([f"{order}-1"], bundle), confirm=True, payment=DECLINED)
    return order


async def _payment_refused_in_a_draft_then_discarded(world: World) -> str:
    order = await _drafted(world)
    await world.confirm(order, DECLINED)
    await world.discard(order)
    return order


async def _broken_and_undone(world: World) -> str:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    world.faults.arm(order, "swap_offer_bundle", Fault.LOST_FOR_GOOD)
    await world.change(order, replace([f"{order}-1"], bundle))
    return order


async def _extended_and_expired(world: World) -> str:
    order = await _drafted(world)
    later = world.parts.store.now() + timedelta(hours=2)
    await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": later.isoformat()})
    await TimeSkipper(world.client).fast_forward(world.workflow(order), timedelta(hours=3))
    return order


async def _expired_never_confirmed(world: World) -> str:
    order = await world.order()
    await world.change(order, add(await world.offer("standard", ADULT, service=world.train()), ADULT))
    await TimeSkipper(world.client).fast_forward(world.workflow(order), timedelta(hours=1))
    return order


async def _cancelled(world: World) -> str:
    order = await _drafted(world)
    await world.workflow(order).cancel()
    return order


async def _two_at_once(world: World) -> str:
    order = await world.sold(ADULT)
    bundles = [await world.offer("standard", CHILD, service=world.train()) for _ in range(2)]
    await asyncio.gather(*(world.change(order, add(bundle, CHILD), confirm=True, payment=CARD) for bundle in bundles))
    return order


async def _confirmed_nothing(world: World) -> str:
    order = await world.sold(ADULT)
    await world.confirm(order)
    return order


async def _nothing_to_change(world: World) -> str:
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    await world.change(order, add(bundle, ADULT))
    await world.change(order, {"op": "set_position", "position": 1, "offer_bundle_id": bundle})
    await world.discard(order)
    return order


async def _open_draft(world: World) -> str:
    return await _drafted(world)


STORIES: dict[str, Callable[[World], Awaitable[str]]] = {
    "confirmed-in-one-go": _confirmed_in_one_go,
    "confirmed-after-two-changes-and-a-payment": _confirmed_after_two_changes_and_a_payment,
    "refused-sold-out": _refused,
    "payment-refused-in-one-go": _payment_refused_in_one_go,
    "payment-refused-in-a-draft-then-discarded": _payment_refused_in_a_draft_then_discarded,
    "broken-and-undone": _broken_and_undone,
    "extended-and-expired": _extended_and_expired,
    "expired-never-confirmed": _expired_never_confirmed,
    "cancelled": _cancelled,
    "two-at-once": _two_at_once,
    "confirmed-nothing": _confirmed_nothing,
    "nothing-to-change": _nothing_to_change,
    "open-draft": _open_draft,
}


async def record() -> None:
    """Record what is missing."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/record.db"
        migrate(url)
        catalogue.load(Settings(database=url))
        async with temporal_server() as temporal, running_world(url, temporal, "sqlite") as world:
            for name, story in STORIES.items():
                path = FOLDER / f"{name}.json"
                if not path.exists():
                    order = await story(world)
                    world.faults.clear()
                    if name != "open-draft":
                        await world.ended(order)
                    history = await world.workflow(order).fetch_history()
                    # Stack traces name the folders of this machine, and replay does not read them.
                    path.write_text(_STACK_TRACE.sub(r'\1""', history.to_json()))
                    print(f"{name}: {len(history.events)} events")  # noqa: T201 - a command


if __name__ == "__main__":
    asyncio.run(record())
