"""kill -9 of PostgreSQL, which then restarts: answered changes are kept, changes in progress end correctly."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial
from typing import Any

import pytest

from cli.faults.injection import Fault
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.discover_client import DiscoverClient
from tests.support.entur_client import EnturClient
from tests.support.final_checks import check_histories, check_invariants
from tests.support.installation import prepare_database, running_world
from tests.support.phases import (
    ALLOWED_STATUSES,
    MAX_ANSWER_SECONDS,
    HeldChange,
    check_changed,
    check_outcome,
    hold_at_every_phase,
    send_until_answered,
    timed,
    violations_of,
)
from tests.support.postgres import Postgres, new_database, postgres
from tests.support.world import CARD, Answer, Json, World, replace

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(scope="module")
async def installation(server: Postgres, temporal: str) -> AsyncIterator[World]:
    url = new_database(server.url, "killed")
    prepare_database(url)
    async with running_world(url, temporal, "killed") as world:
        yield world
        await check_histories(world)
        check_invariants(world)


@pytest.fixture
def world(installation: World) -> Iterator[World]:
    yield installation
    installation.faults.clear()


@pytest.mark.parametrize("back_first", [True, False], ids=["steps_end_when_it_is_back", "steps_end_while_it_is_down"])
async def test_a_change_in_any_phase_ends_correctly_when_postgresql_is_killed(
    world: World, server: Postgres, *, back_first: bool
) -> None:
    changes = await hold_at_every_phase(world)
    server.kill()
    assert all(each.armed.fired == 1 for each in changes)
    if not back_first:
        resume(changes)
        answer, seconds = await timed(changes[0].send())
        assert (answer.status, answer.code) == (503, "STORE_BUSY")
        assert seconds < MAX_ANSWER_SECONDS
    server.start()
    resume(changes)
    for each in changes:
        await each.first_answer()
    for each in changes:
        await check_outcome(world, each)


def resume(changes: list[HeldChange]) -> None:
    for each in changes:
        each.armed.go_on.set()


async def test_answered_changes_survive_the_kill_and_changes_in_progress_end_correctly(
    world: World, server: Postgres
) -> None:
    orders = await asyncio.gather(*(world.sold(ADULT) for _ in range(6)))
    before = await world.show(finished := await world.sold(ADULT))
    operations = {order: await offer_upgrade(world, order) for order in orders}

    def send(order: str) -> Coroutine[Any, Any, Answer]:
        return world.change(order, operations[order], key=order, confirm=True, payment=CARD, Prefer="wait=3")

    armed = world.faults.arm(orders[0], StepName.AUTHORISE_PAYMENT, Fault.MEDDLED)
    armed.meddle = server.kill
    requests = [asyncio.create_task(timed(send(order))) for order in orders]
    await asyncio.wait_for(armed.reached.wait(), 20)
    assert not all(each.done() for each in requests)
    server.start()
    assert await world.show(finished) == before
    for order, (answer, seconds) in zip(orders, await asyncio.gather(*requests), strict=True):
        assert (answer.status in ALLOWED_STATUSES, seconds < MAX_ANSWER_SECONDS) == (True, True), (
            f"{answer.body} after {seconds:.1f} seconds"
        )
        assert (await send_until_answered(partial(send, order))).status == 200
        await check_changed(world, order)
        assert world.at_most_once(order)
        assert violations_of(world, order) == []


async def offer_upgrade(world: World, order: str) -> Json:
    return replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train()))


async def test_while_postgresql_is_down_every_api_answers_store_busy_and_nothing_is_lost(
    world: World, server: Postgres
) -> None:
    order = await world.sold(ADULT)
    change = world.changes_of(order)[0].id
    body = {"operations": [await offer_upgrade(world, order)]}
    search = {"product": "standard", "travellers": [{"id": "a", "birth_date": "1990-05-04"}], "service": world.train()}
    discover, entur = DiscoverClient(world), EnturClient(world)
    calls: list[Callable[[], Coroutine[Any, Any, Answer]]] = [
        lambda: world.send("GET", f"/v1/orders/{order}"),
        lambda: world.send("GET", f"/v1/orders/{order}/history"),
        lambda: world.send("GET", f"/v1/orders/{order}/change-options"),
        lambda: world.send("GET", f"/v1/changes/{change}"),
        lambda: world.send("GET", "/ready"),
        lambda: world.post("/v1/offers", search),
        lambda: world.post("/v1/orders", {"currency": "NOK"}),
        lambda: world.post(f"/v1/orders/{order}/quotes", body),
        lambda: world.post(f"/v1/orders/{order}/changes", body),
        lambda: world.discard(order),
        lambda: entur.send("GET", f"/v1/orders/{order}"),
        lambda: entur.confirm(order),
        lambda: discover.send("GET", f"/orders/{order}"),
        lambda: discover.send("POST", "/orders", {}),
    ]
    server.kill()
    for send in calls * 2:
        answer, seconds = await timed(send())
        assert (answer.status, answer.code) == (503, "STORE_BUSY"), answer.body
        assert answer.headers["retry-after"]
        assert seconds < 2
    server.start()
    assert (await world.send("GET", "/ready")).status == 200
    assert (await world.show(order))["version"] == 1
    assert violations_of(world, order) == []
