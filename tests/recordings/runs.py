"""Stories of runs that continue or recover the work of earlier runs, and of the rounds that start them."""

import asyncio
import uuid
from datetime import timedelta

from cli.faults.injection import Fault
from domain.money import Money
from domain.provider_events import ProviderEvent, ProviderEventKind
from store.changes import provider_events
from temporal.names import ORDERS_QUEUE, StepName
from tests.recordings.story import Run, Story, dearer, drafted, of_order
from tests.support.canary import ADULT
from tests.support.world import CARD, TENANT, World
from workflows.reconcile import Reconcile, StartReconciliation


async def _continued(world: World) -> tuple[Run, str]:
    """Return the first run of a draft that continued as a new run, and the order."""
    order = await drafted(world)
    first = (await world.workflow(order).describe()).run_id
    await world.pay(order, "40.00")
    async with asyncio.timeout(20):
        while (await world.workflow(order).describe()).run_id == first:  # noqa: ASYNC110 - nothing else shows it
            await asyncio.sleep(0.05)
    return world.client.get_workflow_handle(world.workflow(order).id, run_id=first), order


async def _continued_as_new(world: World) -> Run:
    run, order = await _continued(world)
    await world.discard(order)
    return run


async def _continued_and_confirmed(world: World) -> str:
    _, order = await _continued(world)
    await world.confirm(order, CARD)
    return order


async def _unfinished(world: World) -> str:
    """Return an order whose change in one go was terminated after its seats were held."""
    order = await world.sold(ADULT)
    operation = await dearer(world, order)
    armed = world.faults.arm(order, StepName.SWAP_OFFER_BUNDLE, Fault.PAUSED)
    accepted = await world.change(order, operation, confirm=True, payment=CARD, Prefer="respond-async")
    await asyncio.wait_for(armed.reached.wait(), 20)
    await world.workflow(order).terminate("by mistake")
    world.faults.clear()
    world.backdate(accepted.change)
    return order


async def _round(world: World) -> Run:
    """Return the first round that starts a run."""
    async with asyncio.timeout(30):
        while True:
            name = f"reconcile-{uuid.uuid4().hex[:8]}"
            run = await world.client.start_workflow(
                Reconcile.run, StartReconciliation(), id=name, task_queue=ORDERS_QUEUE
            )
            if (await run.result()).started:
                return run


async def _reconciled(world: World) -> Run:
    order = await _unfinished(world)
    run = await _round(world)
    await world.wait_for_end(order)
    return run


async def _round_with_an_event(world: World) -> Run:
    """Return a round that finds an event of a provider which no workflow has received."""
    store = world.components.store
    about = {"provider": "bank", "id": str(uuid.uuid4()), "tenant": TENANT, "key": "elsewhere/authorise_payment"}
    event = ProviderEvent(kind=ProviderEventKind.AUTHORISATION_ENDED, amount=Money(100, "NOK"), **about)
    with store.write() as tx:
        provider_events.receive(tx, event, store.now() - timedelta(minutes=1))
    name = f"reconcile-{uuid.uuid4().hex[:8]}"
    return await world.client.start_workflow(Reconcile.run, StartReconciliation(), id=name, task_queue=ORDERS_QUEUE)


async def _recovered(world: World) -> str:
    order = await _unfinished(world)
    await _round(world)
    return order


async def _recovered_draft(world: World) -> str:
    order = await drafted(world)
    await world.workflow(order).terminate("by mistake")
    await _round(world)
    await world.discard(order)
    return order


async def _recovered_before_a_request(world: World) -> str:
    order = await _unfinished(world)
    await world.confirm(order, CARD)
    return order


STORIES: dict[str, Story] = {
    "continued-as-new": Story(_continued_as_new, events=8),
    "continued-and-confirmed": of_order(_continued_and_confirmed, events=8),
    "recovered-unfinished-change": of_order(_recovered),
    "recovered-draft-discarded": of_order(_recovered_draft),
    "recovery-before-a-request": of_order(_recovered_before_a_request),
    "reconcile-started-a-run": Story(_reconciled),
    "reconcile-submitted-provider-events": Story(_round_with_an_event),
}
