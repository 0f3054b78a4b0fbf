"""Offers, holds and drafts that expire before, at and after each phase: no customer pays for what is gone."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from cli.faults.injection import Armed, Fault
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.phases import violations_of
from tests.support.scenarios import DATABASES, SCENARIOS
from tests.support.world import CARD, Answer, World, replace

pytestmark = pytest.mark.faults

ONE_GO, CONFIRMATION = SCENARIOS[0], SCENARIOS[2]
UNTIL_QUOTED = ONE_GO.steps[: ONE_GO.steps.index(StepName.QUOTE_CHANGE) + 1]
AN_INSTANT = timedelta(milliseconds=1)
MOMENTS = {"before": -AN_INSTANT, "at": timedelta(0), "after": AN_INSTANT}


def _cases(steps: tuple[str, ...], matters: tuple[str, ...]) -> list[pytest.ParameterSet]:
    """Return each step with the moment after, and with all three where they matter; the databases alternate."""
    points = [(step, moment) for step in steps for moment in (MOMENTS if step in matters else ("after",))]
    return [
        pytest.param(*point, marks=pytest.mark.only_on(DATABASES[number % 2])) for number, point in enumerate(points)
    ]


@pytest.mark.parametrize(("step", "moment"), _cases(ONE_GO.steps, UNTIL_QUOTED))
async def test_an_offer_may_expire_once_the_change_is_quoted_and_not_before(
    world: World, step: str, moment: str
) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    travellers = [{"id": ADULT, "birth_date": "1987-06-05"}]
    offers = await world.post("/v1/offers", {"product": "flexible", "travellers": travellers, "service": world.train()})
    (bundle,) = offers.body["offer_bundles"]
    expiry = datetime.fromisoformat(bundle["expires_at"])
    armed = world.faults.arm(order, step, Fault.PAUSED)
    operation = replace([f"{order}-1"], bundle["id"])
    request = asyncio.create_task(world.change(order, operation, confirm=True, payment=CARD))
    await asyncio.wait_for(armed.reached.wait(), 20)
    with world.clock_at(expiry + MOMENTS[moment]):
        armed.go_on.set()
        answer = await request
    if step in UNTIL_QUOTED and moment != "before":
        assert (answer.status, answer.code) == (409, "OFFER_EXPIRED")
        assert world.snapshot(order) == before
    else:
        assert answer.status == 200, answer.body
        assert (await world.show(order))["paid"] == "399.00"
    assert violations_of(world, order) == []


# At the last step no seat is held any more.
@pytest.mark.parametrize(("step", "moment"), _cases(CONFIRMATION.steps[:-1], CONFIRMATION.steps[:2]))
async def test_holds_that_expire_during_a_confirmation_are_kept_or_nothing_is_paid(
    world: World, step: str, moment: str
) -> None:
    order, armed, request = await start_and_hold_confirmation(world, step)
    (held,) = [seat for seat in (await world.show(order))["reservations"] if seat["state"] == "held"]
    with world.clock_at(datetime.fromisoformat(held["expires_at"]) + MOMENTS[moment]):
        armed.go_on.set()
        answer = await request
    shown = await world.show(order)
    if answer.status == 200:
        assert (shown["version"], shown["paid"], shown["balance"]) == (2, "399.00", "0.00")
    else:
        assert (answer.status, answer.code) == (409, "HOLD_LOST")
        assert shown["paid"] == "299.00"
        assert (await world.discard(order)).status == 200
    assert violations_of(world, order) == []


async def start_and_hold_confirmation(world: World, step: str) -> tuple[str, Armed, "asyncio.Task[Answer]"]:
    """Return an order whose confirmation is held just before a step."""
    order = await CONFIRMATION.prepare(world)
    armed = world.faults.arm(order, step, Fault.PAUSED)
    request = asyncio.create_task(CONFIRMATION.act(world, order))
    await asyncio.wait_for(armed.reached.wait(), 20)
    return order, armed, request


async def open_drafts_until(world: World, count: int, seconds: float) -> tuple[list[str], datetime]:
    """Return orders whose drafts all end at the same moment, in the given number of seconds."""
    orders = [await CONFIRMATION.prepare(world) for _ in range(count)]
    ends = world.components.store.now() + timedelta(seconds=seconds)
    body = {"expires_at": ends.isoformat()}
    moved = await asyncio.gather(*(world.send("PATCH", f"/v1/orders/{order}", body) for order in orders))
    assert {answer.status for answer in moved} == {200}
    return orders, ends


async def sleep_until(world: World, moment: datetime) -> None:
    await asyncio.sleep(max(0.0, (moment - world.components.store.now()).total_seconds()))


@pytest.mark.only_on("postgres")  # a matter of the queue
async def test_a_confirmation_in_progress_when_its_draft_ends_is_completed(world: World) -> None:
    orders, ends = await open_drafts_until(world, len(CONFIRMATION.steps), 3)
    armed = [
        world.faults.arm(order, step, Fault.PAUSED) for order, step in zip(orders, CONFIRMATION.steps, strict=True)
    ]
    requests = [asyncio.create_task(CONFIRMATION.act(world, order)) for order in orders]
    await asyncio.wait_for(asyncio.gather(*(each.reached.wait() for each in armed)), 20)
    await sleep_until(world, ends + timedelta(seconds=0.2))
    for each in armed:
        each.go_on.set()
    for order, answer in zip(orders, await asyncio.gather(*requests), strict=True):
        assert answer.status == 200, answer.body
        assert await wait_for_complete_end(world, order) == 2


@pytest.mark.only_on("sqlite")  # likewise
async def test_a_confirmation_just_before_at_and_after_the_end_of_its_draft_is_whole_or_nothing(world: World) -> None:
    orders, ends = await open_drafts_until(world, 9, 3)

    async def confirm_at(order: str, offset: timedelta) -> Answer:
        await sleep_until(world, ends + offset)
        return await CONFIRMATION.act(world, order)

    spread = [timedelta(milliseconds=50 * (number - 4)) for number in range(9)]
    answers = await asyncio.gather(*map(confirm_at, orders, spread))
    versions = [await wait_for_complete_end(world, order) for order in orders]
    # A busy machine may delay a request past the end. What counts is when its workflow took it up.
    in_time = [await taken_up_at(world, order) < ends for order in orders]
    assert [version == 2 for version in versions] == in_time, "once a draft has ended it cannot be confirmed"
    outcomes = [(answer.status, answer.code) for answer in answers]
    assert outcomes == [(200, None) if each else (409, "DRAFT_ENDED") for each in in_time]


async def taken_up_at(world: World, order: str) -> datetime:
    """Return the start of the workflow task that accepted the order's confirmation: the workflow's own time of it."""
    started = datetime.min.replace(tzinfo=UTC)
    async for event in world.workflow(order).fetch_history_events():
        if event.HasField("workflow_task_started_event_attributes"):
            started = event.event_time.ToDatetime(tzinfo=UTC)
        accepted = event.workflow_execution_update_accepted_event_attributes
        if accepted.accepted_request.input.name == "confirm":
            return started
    raise LookupError(order)


async def wait_for_complete_end(world: World, order: str) -> int:
    """Wait until the run has ended, check that the order is consistent and return its version."""
    assert await world.wait_for_end(order) == "COMPLETED"
    shown = await world.show(order)
    paid = {1: "299.00", 2: "399.00"}
    assert (shown["status"], shown["draft"], shown["paid"]) == ("confirmed", None, paid[shown["version"]])
    assert len(shown["reservations"]) == 1
    assert world.at_most_once(order)
    assert violations_of(world, order) == []
    return int(shown["version"])
