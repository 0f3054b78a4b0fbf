"""A step that may not give up never does, and never hides."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.support.canary import ADULT
from tests.support.faults import Armed, Fault
from tests.support.world import CARD, Answer, World, replace
from workflows import steps
from workflows.order_draft import OrderDraft

STUCK = pytest.mark.parametrize("step", ["release_seats", "settle_price_difference"])


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call an operator after three seconds instead of thirty: time for a first failure to be heard."""
    monkeypatch.setattr(steps, "PATIENCE", timedelta(seconds=3))


async def stuck(world: World, step: str) -> tuple[str, "asyncio.Task[Answer]", Armed]:
    """Return an order whose change is stuck in a step."""
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    if step == "release_seats":
        world.faults.arm(order, "authorise_payment", Fault.REFUSED)
    armed = world.faults.arm(order, step, Fault.DOWN)
    wanted = world.change(order, replace([f"{order}-1"], bundle), confirm=True, payment=CARD, Prefer="wait=30")
    asked = asyncio.create_task(wanted)
    async with asyncio.timeout(30):
        await armed.reached.wait()
        while (await world.workflow(order).query(OrderDraft.progress)).stuck is None:  # noqa: ASYNC110 - only a query tells
            await asyncio.sleep(0.05)
    return order, asked, armed


@STUCK
async def test_it_is_shown_and_new_requests_are_refused_at_once(world: World, step: str) -> None:
    order, asked, armed = await stuck(world, step)
    shown = (await world.workflow(order).query(OrderDraft.progress)).stuck
    assert shown is not None
    assert (shown.step, shown.code) == (step, "INJECTED")
    attributes = (await world.workflow(order).describe()).typed_search_attributes
    found = {pair.key.name: pair.value for pair in attributes}
    assert (found["NeedsAttention"], found["StuckStep"]) == (True, step)
    refused = await world.confirm(order, CARD)
    assert (refused.status, refused.code) == (409, "ORDER_NEEDS_ATTENTION")
    change = [row for row in world.changes_of(order) if row.outcome is None]
    assert (await world.send("GET", f"/v1/changes/{change[0].id}")).body["state"] == "needs_attention"
    armed.fault = Fault.LOST
    await world.workflow(order).execute_update("retry_now", {"reason": "it is back"})
    assert (await asked).status == (200 if step == "settle_price_difference" else 409)
    attributes = (await world.workflow(order).describe()).typed_search_attributes
    assert {pair.key.name: pair.value for pair in attributes}["NeedsAttention"] is False
    assert world.at_most_once(order)


@STUCK
async def test_an_operator_may_do_it_by_hand_and_it_is_recorded(world: World, step: str) -> None:
    order, asked, _ = await stuck(world, step)
    await world.workflow(order).execute_update("done_by_hand", {"reason": "released at the counter"})
    await asked
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    by_hand = [event["data"] for event in events if event["type"] == "done_by_hand"]
    assert by_hand == [
        {"step": "reserve_seats" if step == "release_seats" else step, "reason": "released at the counter"}
    ]


@pytest.mark.parametrize(("update", "said"), [("retry_now", {}), ("done_by_hand", {"reason": "x"})])
async def test_help_is_refused_where_nothing_is_stuck(world: World, update: str, said: dict[str, str]) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    await world.change(order, replace([f"{order}-1"], bundle))
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await world.workflow(order).execute_update(update, said)
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "NOTHING_STUCK"


@pytest.mark.parametrize("update", ["change", "pay"])
async def test_a_change_or_payment_by_hand_is_refused_for_its_details_must_not_enter_temporal(
    world: World, update: str
) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    await world.change(order, replace([f"{order}-1"], bundle))
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await world.workflow(order).execute_update(update, {})
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "NEEDS_REQUEST"
