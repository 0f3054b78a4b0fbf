"""Offers, holds and drafts that run out before, at and after each phase: never charged for what is gone."""

import asyncio
from datetime import datetime, timedelta

import pytest

from cli.faults.injection import Armed, Fault
from temporal.names import StepName
from tests.guarantees.test_recovery import wrong_with
from tests.support.canary import ADULT
from tests.support.scenarios import DATABASES, SCENARIOS
from tests.support.world import CARD, Answer, World, replace

pytestmark = pytest.mark.faults

ONE_GO, CONFIRMATION = SCENARIOS[0], SCENARIOS[2]
UNTIL_QUOTED = ONE_GO.steps[: ONE_GO.steps.index(StepName.QUOTE_CHANGE) + 1]
AN_INSTANT = timedelta(milliseconds=1)
MOMENTS = {"before": -AN_INSTANT, "at": timedelta(0), "after": AN_INSTANT}


def _cases(steps: tuple[str, ...], matters: tuple[str, ...]) -> list[pytest.ParameterSet]:
    """Return each step with the moment after, and with all three where they differ; on each database in turn."""
    places = [(step, moment) for step in steps for moment in (MOMENTS if step in matters else ("after",))]
    return [
        pytest.param(*place, marks=pytest.mark.only_on(DATABASES[number % 2])) for number, place in enumerate(places)
    ]


@pytest.mark.parametrize(("step", "moment"), _cases(ONE_GO.steps, UNTIL_QUOTED))
async def test_an_offer_may_expire_once_the_change_is_quoted_and_not_before(
    world: World, step: str, moment: str
) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    who = [{"id": ADULT, "birth_date": "1987-06-05"}]
    found = await world.post("/v1/offers", {"product": "flexible", "travellers": who, "service": world.train()})
    (bundle,) = found.body["offer_bundles"]
    gone = datetime.fromisoformat(bundle["expires_at"])
    armed = world.faults.arm(order, step, Fault.PAUSED)
    wanted = replace([f"{order}-1"], bundle["id"])
    asked = asyncio.create_task(world.change(order, wanted, confirm=True, payment=CARD))
    await asyncio.wait_for(armed.reached.wait(), 20)
    with world.clock_at(gone + MOMENTS[moment]):
        armed.go_on.set()
        answer = await asked
    if step in UNTIL_QUOTED and moment != "before":
        assert (answer.status, answer.code) == (409, "OFFER_EXPIRED")
        assert world.snapshot(order) == before
    else:
        assert answer.status == 200, answer.body
        assert (await world.show(order))["paid"] == "399.00"
    assert wrong_with(world, order) == []


# The last step comes when nothing is held any more.
@pytest.mark.parametrize(("step", "moment"), _cases(CONFIRMATION.steps[:-1], CONFIRMATION.steps[:2]))
async def test_holds_that_expire_during_a_confirmation_are_kept_or_nothing_is_paid(
    world: World, step: str, moment: str
) -> None:
    order, armed, asked = await confirming(world, step)
    (held,) = [seat for seat in (await world.show(order))["reservations"] if seat["state"] == "held"]
    with world.clock_at(datetime.fromisoformat(held["expires_at"]) + MOMENTS[moment]):
        armed.go_on.set()
        answer = await asked
    shown = await world.show(order)
    if answer.status == 200:
        assert (shown["version"], shown["paid"], shown["balance"]) == (2, "399.00", "0.00")
    else:
        assert (answer.status, answer.code) == (409, "HOLD_LOST")
        assert shown["paid"] == "299.00"
        assert (await world.discard(order)).status == 200
    assert wrong_with(world, order) == []


async def confirming(world: World, step: str) -> tuple[str, Armed, "asyncio.Task[Answer]"]:
    """Return an order whose confirmation waits just before a step."""
    order = await CONFIRMATION.prepare(world)
    armed = world.faults.arm(order, step, Fault.PAUSED)
    asked = asyncio.create_task(CONFIRMATION.act(world, order))
    await asyncio.wait_for(armed.reached.wait(), 20)
    return order, armed, asked


async def drafts_until(world: World, count: int, seconds: float) -> tuple[list[str], datetime]:
    """Return orders whose drafts all end at one moment soon."""
    orders = [await CONFIRMATION.prepare(world) for _ in range(count)]
    ends = world.components.store.now() + timedelta(seconds=seconds)
    wanted = {"expires_at": ends.isoformat()}
    moved = await asyncio.gather(*(world.send("PATCH", f"/v1/orders/{order}", wanted) for order in orders))
    assert {answer.status for answer in moved} == {200}
    return orders, ends


async def until(world: World, moment: datetime) -> None:
    await asyncio.sleep(max(0.0, (moment - world.components.store.now()).total_seconds()))


@pytest.mark.only_on("postgres")  # a matter of the queue
async def test_a_confirmation_in_progress_when_its_draft_ends_is_completed(world: World) -> None:
    orders, ends = await drafts_until(world, len(CONFIRMATION.steps), 3)
    armed = [
        world.faults.arm(order, step, Fault.PAUSED) for order, step in zip(orders, CONFIRMATION.steps, strict=True)
    ]
    asked = [asyncio.create_task(CONFIRMATION.act(world, order)) for order in orders]
    await asyncio.wait_for(asyncio.gather(*(each.reached.wait() for each in armed)), 20)
    await until(world, ends + timedelta(seconds=0.2))
    for each in armed:
        each.go_on.set()
    for order, answer in zip(orders, await asyncio.gather(*asked), strict=True):
        assert answer.status == 200, answer.body
        assert await ends_whole(world, order) == 2


@pytest.mark.only_on("sqlite")  # likewise
async def test_a_confirmation_just_before_at_and_after_the_end_of_its_draft_is_whole_or_nothing(world: World) -> None:
    orders, ends = await drafts_until(world, 9, 3)

    async def confirmed_at(order: str, offset: timedelta) -> Answer:
        await until(world, ends + offset)
        return await CONFIRMATION.act(world, order)

    spread = [timedelta(milliseconds=50 * (number - 4)) for number in range(9)]
    answers = await asyncio.gather(*map(confirmed_at, orders, spread))
    assert {answer.status for answer in answers} == {200}
    versions = [await ends_whole(world, order) for order in orders]
    assert versions[0] == 2
    assert versions == sorted(versions, reverse=True), "once a draft has ended it cannot be confirmed"


async def ends_whole(world: World, order: str) -> int:
    """Wait until nothing is under way; return the version of an order that is whole at it."""
    assert await world.wait_for_end(order) == "COMPLETED"
    shown = await world.show(order)
    paid = {1: "299.00", 2: "399.00"}
    assert (shown["status"], shown["draft"], shown["paid"]) == ("confirmed", None, paid[shown["version"]])
    assert len(shown["reservations"]) == 1
    assert world.at_most_once(order)
    assert wrong_with(world, order) == []
    return int(shown["version"])
