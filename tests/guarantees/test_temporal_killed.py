"""kill -9 of the Temporal server, which then restarts on its data: nothing is lost, nothing is done twice."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.guarantees.test_recovery import reconcile_until_done
from tests.support.canary import ADULT
from tests.support.final_checks import check_histories, check_invariants
from tests.support.installation import prepare_database, running_world
from tests.support.phases import (
    MAX_ANSWER_SECONDS,
    HeldChange,
    check_changed,
    check_outcome,
    hold_at_every_phase,
    send_until_answered,
    timed,
    violations_of,
)
from tests.support.temporal_server import TemporalServer, temporal_server
from tests.support.world import CARD, Answer, World, replace

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    async with temporal_server(tmp_path_factory.mktemp("temporal") / "kept.db") as running:
        yield running


@pytest.fixture(scope="module")
async def installation(server: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}"
    prepare_database(url)
    async with running_world(url, server.address, "sqlite") as world:
        yield world
        await check_histories(world)
        check_invariants(world)


@pytest.fixture
def world(installation: World) -> Iterator[World]:
    yield installation
    installation.faults.clear()


def resume(changes: list[HeldChange]) -> None:
    for each in changes:
        assert each.armed.fired == 1
        each.armed.go_on.set()


@pytest.mark.parametrize("back_first", [True, False], ids=["steps_end_when_it_is_back", "steps_end_while_it_is_down"])
async def test_a_change_in_any_phase_ends_correctly_when_temporal_is_killed(
    world: World, server: TemporalServer, *, back_first: bool
) -> None:
    changes = await hold_at_every_phase(world)
    server.kill()
    if not back_first:
        resume(changes)
    await server.start()
    resume(changes)
    for each in changes:
        await each.first_answer()
    for each in changes:
        await check_outcome(world, each)


async def answer_once_accepted(change: HeldChange) -> Answer:
    """Return the answer to a change, sent again while a busy server has not accepted it within the client's wait."""
    answer = await change.first_answer()
    async with asyncio.timeout(60):
        while answer.status == 503:
            answer = await change.send()
    return answer


async def test_an_accepted_change_continues_by_itself_when_temporal_is_back(
    world: World, server: TemporalServer
) -> None:
    changes = await hold_at_every_phase(world)
    accepted = [(each, await answer_once_accepted(each)) for each in changes]
    assert {answer.status for _, answer in accepted} == {202}
    server.kill()
    resume(changes)
    await server.start()
    for each, answer in accepted:
        assert await world.wait_for_outcome(answer.change) == ("refused" if each.phase.refused else "done")
    for each in changes:
        await check_outcome(world, each)


async def test_an_open_draft_outlives_temporal_and_can_be_confirmed(world: World, server: TemporalServer) -> None:
    order, _ = await world.open_draft()
    server.kill()
    shown = (await world.show(order))["draft"]
    assert (shown["progress"], shown["progress_unavailable"]) == (None, True)
    await server.start()
    assert (await send_until_answered(lambda: world.confirm(order, CARD, key=f"confirm-{order}"))).status == 200
    await check_changed(world, order)


async def test_a_deadline_that_passes_while_temporal_is_down_takes_effect_when_it_is_back(
    world: World, server: TemporalServer
) -> None:
    order, before = await world.open_draft()
    soon = world.components.store.now() + timedelta(seconds=1)
    assert (await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": soon.isoformat()})).status == 200
    server.kill()
    async with asyncio.timeout(10):
        while world.components.store.now() < soon:  # noqa: ASYNC110 - only the store's clock shows it
            await asyncio.sleep(0.05)
    await server.start()
    assert await world.wait_for_end(order) == "COMPLETED"
    assert world.snapshot(order) == before
    assert violations_of(world, order) == []


@pytest.mark.parametrize("by", ["the same key", "a round"])
async def test_a_request_sent_while_temporal_is_down_is_kept_and_done_later(
    world: World, server: TemporalServer, by: str
) -> None:
    order = await world.sold(ADULT)
    operation = replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train()))

    def send() -> Coroutine[Any, Any, Answer]:
        return world.change(order, operation, key=f"down-{order}", confirm=True, payment=CARD, Prefer="wait=3")

    server.kill()
    kept, seconds = await timed(send())
    assert (kept.status, kept.code) == (503, "ENGINE_UNREACHABLE")
    assert kept.headers["retry-after"]
    assert seconds < MAX_ANSWER_SECONDS
    await server.start()
    if by == "a round":
        world.backdate(kept.change)
        assert await reconcile_until_done(world, kept.change) == "done"
    again = await send_until_answered(send)
    assert (again.status, again.change) == (200, kept.change)
    await check_changed(world, order)
    assert [row.id for row in world.changes_of(order) if row.idempotency_key == f"down-{order}"] == [kept.change]
    assert violations_of(world, order) == []
