"""If-Match, Prefer, correlation ids and the headers of responses."""

import asyncio
from datetime import timedelta

import pytest

from cli.faults.injection import Fault
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.world import World, replace


async def sold(world: World) -> tuple[str, str, str]:
    """Return an order, its ETag and a bundle for it."""
    order = await world.sold(ADULT)
    tag = (await world.send("GET", f"/v1/orders/{order}")).headers["etag"]
    return order, tag, await world.offer("flexible", ADULT, service=world.train())


async def test_a_change_against_the_state_last_seen_is_run(world: World) -> None:
    order, tag, bundle = await sold(world)
    answer = await world.change(order, replace([f"{order}-1"], bundle), If_Match=tag)
    assert answer.status == 200
    assert answer.headers["etag"] == (await world.send("GET", f"/v1/orders/{order}")).headers["etag"] != tag


STALE = ['"e0"', '"e99"', 'W/"e5"', '"v7"', '"e0", "e1"']


@pytest.mark.parametrize("tag", STALE)
async def test_a_change_against_another_state_is_refused(world: World, tag: str) -> None:
    order, _, bundle = await sold(world)
    before = world.snapshot(order)
    answer = await world.change(order, replace([f"{order}-1"], bundle), If_Match=tag)
    assert (answer.status, answer.code) == (412, "STALE_ORDER")
    assert world.snapshot(order) == before


async def test_one_of_several_states_is_enough_and_a_star_is_any(world: World) -> None:
    order, tag, bundle = await sold(world)
    assert (await world.change(order, replace([f"{order}-1"], bundle), If_Match=f'"e0", {tag}')).status == 200
    deadline = {"expires_at": (world.components.store.now() + timedelta(hours=2)).isoformat()}
    assert (await world.send("PATCH", f"/v1/orders/{order}", deadline, If_Match="*")).status == 200


@pytest.mark.parametrize("tag", ["e5", '"e5', "5", '"e5" "e6"', ""])
async def test_a_tag_that_is_none_is_refused(world: World, tag: str) -> None:
    order, _, bundle = await sold(world)
    answer = await world.change(order, replace([f"{order}-1"], bundle), If_Match=tag)
    assert (answer.status, answer.code) == (400, "HEADER_INVALID")


async def test_of_two_changes_against_the_same_state_the_second_is_stale(world: World) -> None:
    order, tag, bundle = await sold(world)
    requests = [world.change(order, replace([f"{order}-1"], bundle, seats=[f"2-0{n}"]), If_Match=tag) for n in (1, 2)]
    answers = await asyncio.gather(*requests)
    assert sorted(answer.status for answer in answers) == [200, 412]


async def test_a_client_that_does_not_wait_gets_the_location(world: World) -> None:
    order, _, bundle = await sold(world)
    answer = await world.change(order, replace([f"{order}-1"], bundle), key="async", Prefer="respond-async")
    assert answer.status == 202
    assert answer.headers["location"] == f"/v1/changes/{answer.change}"
    assert answer.headers["preference-applied"] == "respond-async"
    again = await world.change(order, replace([f"{order}-1"], bundle), key="async")
    assert (again.status, again.change) == (200, answer.change)


async def test_a_client_whose_wait_ends_first_gets_the_location(world: World) -> None:
    order, _, bundle = await sold(world)
    armed = world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.PAUSED)
    answer = await world.change(
        order, replace([f"{order}-1"], bundle), confirm=True, payment={"method": "card", "token": "t"}, Prefer="wait=1"
    )
    assert (answer.status, answer.body["state"]) == (202, "running")
    assert answer.headers["retry-after"] == "1"
    running = (await world.send("GET", answer.headers["location"])).body
    assert [step["step"] for step in running["steps"]][-1] in {
        StepName.AUTHORISE_PAYMENT,
        StepName.SETTLE_PRICE_DIFFERENCE,
    }
    assert (running["state"], running["problem"]) == ("running", None)
    armed.go_on.set()
    await world.wait_for_end(order)
    assert (await world.send("GET", answer.headers["location"])).body["state"] == "done"


async def test_a_correlation_id_is_echoed_or_generated(world: World) -> None:
    given = await world.send("GET", "/health", X_Correlation_Id="shop.7-A_b")
    generated = [await world.send("GET", "/health") for _ in range(2)]
    assert given.headers["x-correlation-id"] == "shop.7-A_b"
    assert len({answer.headers["x-correlation-id"] for answer in generated}) == 2
    empty = await world.send("GET", "/nothing", X_Correlation_Id="")
    assert empty.headers["x-correlation-id"]


@pytest.mark.only_on("sqlite")  # the store is not queried
@pytest.mark.parametrize("value", ["a b", "a" * 257, "æ", "a\tb"])
async def test_a_correlation_id_that_is_none_is_refused_and_not_echoed(world: World, value: str) -> None:
    headers = [(b"X-Correlation-Id", value.encode("latin-1"))]
    answer = await world.http.get("/health", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "HEADER_INVALID")
    assert value not in answer.headers["x-correlation-id"]


async def test_a_correlation_id_finds_the_workflow(world: World) -> None:
    order, _, bundle = await sold(world)
    await world.change(order, replace([f"{order}-1"], bundle), X_Correlation_Id="find-me-77")
    description = await world.workflow(order).describe()
    attributes = {pair.key.name: pair.value for pair in description.typed_search_attributes}
    assert attributes["CorrelationId"] == "find-me-77"
    assert attributes["OrderNumber"] == order
    assert attributes["PriceDiffMinor"] == 10000
    assert (attributes["OrderState"], attributes["ChangeKind"]) == ("draft", "change")
    assert "DraftExpires" in attributes
