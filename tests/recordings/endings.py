"""Stories of drafts that end without a fault: confirmed, refused, discarded, expired, cancelled."""

import asyncio
from datetime import timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.testing import TimeSkipper

from cli.faults.injection import Fault
from temporal.names import StepName
from tests.recordings.story import Story, dearer, drafted, of_order
from tests.support.canary import ADULT, CHILD
from tests.support.refunds_owed import order_owing, pay_out
from tests.support.scenarios import receive_dispute
from tests.support.world import CARD, DECLINED, World, add, replace


async def _confirmed_in_one_go(world: World) -> str:
    return await world.sold(ADULT)


async def _confirmed_after_two_changes_and_a_payment(world: World) -> str:
    order = await drafted(world)
    await world.change(order, await dearer(world, order))
    await world.pay(order, "40.00")
    await world.confirm(order, CARD)
    return order


async def _confirmed_with_an_external_bank(world: World) -> str:
    order = await world.sold(ADULT)
    await world.change(order, await dearer(world, order), confirm=True, payment=CARD)
    return order


async def _refused(world: World) -> str:
    full = world.train(coaches=1, seats=1)
    await world.sold(CHILD, train=full)
    order = await world.sold(ADULT)
    await world.change(order, replace([f"{order}-1"], await world.offer("standard", ADULT, service=full)))
    return order


async def _refused_because_busy(world: World) -> str:
    order = await drafted(world)
    armed = world.faults.arm(order, StepName.AUTHORISE_PAYMENT, Fault.HELD)
    first = asyncio.create_task(world.pay(order, "40.00"))
    await asyncio.wait_for(armed.reached.wait(), 20)
    await world.post(f"/v1/orders/{order}/confirm", {}, Prefer="wait=30")
    armed.go_on.set()
    await first
    await world.discard(order)
    return order


async def _payment_refused_in_one_go(world: World) -> str:
    order = await world.sold(ADULT)
    await world.change(order, await dearer(world, order), confirm=True, payment=DECLINED)
    return order


async def _payment_refused_in_a_draft_then_discarded(world: World) -> str:
    order = await drafted(world)
    await world.confirm(order, DECLINED)
    await world.discard(order)
    return order


async def _discarded(world: World) -> str:
    order = await drafted(world)
    await world.discard(order)
    return order


async def _extended_and_expired(world: World) -> str:
    order = await drafted(world)
    later = world.components.store.now() + timedelta(hours=2)
    await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": later.isoformat()})
    await TimeSkipper(world.client).fast_forward(world.workflow(order), timedelta(hours=3))
    return order


async def _expired_never_confirmed(world: World) -> str:
    order = await world.order()
    await world.change(order, add(await world.offer("standard", ADULT, service=world.train()), ADULT))
    await TimeSkipper(world.client).fast_forward(world.workflow(order), timedelta(hours=1))
    return order


async def _cancelled(world: World) -> str:
    order = await drafted(world)
    await world.workflow(order).cancel()
    return order


async def _cancelled_too_late(world: World) -> str:
    order = await drafted(world)
    armed = world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.PAUSED_AFTER)
    confirmation = asyncio.create_task(world.confirm(order, CARD))
    await asyncio.wait_for(armed.reached.wait(), 20)
    await world.workflow(order).cancel()
    async with asyncio.timeout(20):
        while not await _has_seen_the_cancellation(world, order):  # noqa: ASYNC110 - only the history shows it
            await asyncio.sleep(0.05)
    armed.go_on.set()
    await confirmation
    return order


async def _has_seen_the_cancellation(world: World, order: str) -> bool:
    """Whether a workflow task has completed since the cancellation."""
    events = [event.event_type async for event in world.workflow(order).fetch_history_events()]
    requested = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
    return EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED in events[events.index(requested) :]


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


async def _went_back(world: World) -> str:
    """Replace the draft's ticket by the one that was confirmed: the change undoes the draft and closes it."""
    order = await drafted(world)
    reserved = (await world.show(order))["reservations"]
    (service,) = {seat["service"] for seat in reserved if seat["state"] == "confirmed"}
    bundle = await world.offer("standard", ADULT, service=service)
    await world.change(order, replace(await world.lines(order), bundle))
    return order


async def _payout(world: World) -> str:
    order = await order_owing(world)
    await world.wait_for_end(order)
    await pay_out(world, order)
    return order


async def _payout_refused_beside_a_draft(world: World) -> str:
    order = await drafted(world)
    await pay_out(world, order)
    await world.discard(order)
    return order


async def _provider_event_in_a_draft(world: World) -> str:
    order = await drafted(world)
    await receive_dispute(world, order)
    await world.discard(order)
    return order


async def _provider_event_alone(world: World) -> str:
    order = await world.sold(ADULT)
    await world.wait_for_end(order)
    await receive_dispute(world, order)
    return order


STORIES: dict[str, Story] = {
    "confirmed-in-one-go": of_order(_confirmed_in_one_go),
    "confirmed-after-two-changes-and-a-payment": of_order(_confirmed_after_two_changes_and_a_payment),
    "confirmed-with-an-external-bank": of_order(_confirmed_with_an_external_bank, external=True),
    "confirmed-nothing": of_order(_confirmed_nothing),
    "refused-sold-out": of_order(_refused),
    "refused-order-busy": of_order(_refused_because_busy),
    "payment-refused-in-one-go": of_order(_payment_refused_in_one_go),
    "payment-refused-in-a-draft-then-discarded": of_order(_payment_refused_in_a_draft_then_discarded),
    "discarded": of_order(_discarded),
    "extended-and-expired": of_order(_extended_and_expired),
    "expired-never-confirmed": of_order(_expired_never_confirmed),
    "cancelled": of_order(_cancelled),
    "cancelled-too-late": of_order(_cancelled_too_late),
    "two-at-once": of_order(_two_at_once),
    "nothing-to-change": of_order(_nothing_to_change),
    "went-back-to-what-was-confirmed": of_order(_went_back),
    "payout": of_order(_payout),
    "payout-refused-beside-a-draft": of_order(_payout_refused_beside_a_draft),
    "provider-event-in-a-draft": of_order(_provider_event_in_a_draft),
    "provider-event-with-an-external-bank": of_order(_provider_event_alone, external=True),
    "open-draft": of_order(drafted, left_open=True),
}
