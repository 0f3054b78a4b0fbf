"""The connection is cut after a commit was sent and before its answer: it took effect, and the caller does not know."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from activities.support.registry import reversible
from cli.faults.injection import Armed, Fault
from cli.faults.injector import REFUSAL
from store.database.connections import database_url
from telemetry.loopback import HOST
from temporal.names import GroupName, StepName
from tests.support.canary import ADULT
from tests.support.commit_proxy import Proxy, proxy_to
from tests.support.entur_client import EnturClient
from tests.support.final_checks import check_histories, check_invariants
from tests.support.installation import prepare_database, running_world
from tests.support.phases import check_changed, violations_of
from tests.support.postgres import new_database
from tests.support.scenarios import SCENARIOS
from tests.support.world import CARD, DECLINED, World, replace

pytestmark = pytest.mark.faults

ONE_GO = SCENARIOS[0]
# Where a step has two transactions of its own, each of them is cut.
COMMITS = [*((step, 1) for step in (*ONE_GO.steps, *ONE_GO.groups)), (StepName.PLAN_CHANGE, 2)]
UNDOS = [step.undo_name for name, step in reversible().items() if name != StepName.RESEAT]


@pytest.fixture(scope="module")
def proxy(postgres_url: str) -> Iterator[Proxy]:
    with proxy_to(Path(str(database_url(postgres_url).query["host"])) / ".s.PGSQL.5432") as running:
        yield running


@pytest.fixture(scope="module")
async def installation(postgres_url: str, proxy: Proxy, temporal: str) -> AsyncIterator[World]:
    url = database_url(new_database(postgres_url, "answer_lost"))
    through = url.set(drivername="postgresql", host=HOST, port=proxy.port, query={}).render_as_string(
        hide_password=False
    )
    prepare_database(through)
    async with running_world(through, temporal, "killed") as world:
        yield world
        await check_histories(world)
        check_invariants(world)


@pytest.fixture
def world(installation: World, proxy: Proxy) -> Iterator[World]:
    proxy.cuts = 0
    yield installation
    installation.faults.clear()
    proxy.cut_commit(0)


@pytest.mark.parametrize(("step", "commit"), COMMITS)
async def test_a_step_whose_commit_answer_is_lost_is_done_once(
    world: World, proxy: Proxy, step: str, commit: int
) -> None:
    order = await ONE_GO.prepare(world)
    armed = cut_commit_of(world, proxy, order, step, commit)
    answer = await ONE_GO.act(world, order)
    assert (armed.fired, proxy.cuts) == (1, 1)
    assert answer.status == 200, answer.body
    await check_changed(world, order)
    assert world.at_most_once(order)
    assert violations_of(world, order) == []


@pytest.mark.parametrize("step", [*UNDOS, StepName.RECORD_OUTCOME])
async def test_an_undo_whose_commit_answer_is_lost_is_done_once(world: World, proxy: Proxy, step: str) -> None:
    order = await ONE_GO.prepare(world)
    before, seats = world.snapshot(order), world.seats_of(order)
    world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    armed = cut_commit_of(world, proxy, order, step)
    answer = await ONE_GO.act(world, order)
    assert (armed.fired, proxy.cuts) == (1, 1)
    assert answer.code == REFUSAL.code
    assert (world.snapshot(order), world.seats_of(order)) == (before, seats)
    assert world.at_most_once(order)
    assert violations_of(world, order) == []


@pytest.mark.parametrize("step", [StepName.AUTHORISE_PAYMENT, GroupName.RUN_CHANGE])
async def test_a_refusal_whose_commit_answer_is_lost_stays_the_answer(world: World, proxy: Proxy, step: str) -> None:
    order = await ONE_GO.prepare(world)
    before = world.snapshot(order)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    armed = cut_commit_of(world, proxy, order, step)
    answer = await world.change(order, replace([f"{order}-1"], bundle), confirm=True, payment=DECLINED)
    assert (armed.fired, proxy.cuts) == (1, 1)
    assert (answer.status, answer.code) == (402, "PAYMENT_REFUSED")
    assert world.snapshot(order) == before
    assert violations_of(world, order) == []


def cut_commit_of(world: World, proxy: Proxy, order: str, step: str, commit: int = 1) -> Armed:
    armed = world.faults.arm(order, step, Fault.MEDDLED)
    armed.meddle = lambda: proxy.cut_commit(commit)
    return armed


async def test_a_request_whose_commit_answer_is_lost_is_one_change_when_it_is_sent_again(
    world: World, proxy: Proxy
) -> None:
    order = await world.sold(ADULT)
    operation = replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train()))
    before = world.rows()
    proxy.cut_commit()
    lost = await world.change(order, operation, key=f"lost-{order}", confirm=True, payment=CARD)
    assert (lost.status, lost.code, proxy.cuts) == (503, "STORE_BUSY", 1)
    again = await world.change(order, operation, key=f"lost-{order}", confirm=True, payment=CARD)
    assert again.status == 200
    assert world.rows() == (before[0], before[1] + 1)
    await check_changed(world, order)
    assert violations_of(world, order) == []


async def test_a_new_order_whose_commit_answer_is_lost_is_one_order(world: World, proxy: Proxy) -> None:
    body, before = {"currency": "NOK"}, world.rows()
    proxy.cut_commit()
    lost = await world.post("/v1/orders", body, key="lost-order")
    assert (lost.status, lost.code, proxy.cuts) == (503, "STORE_BUSY", 1)
    again = await world.post("/v1/orders", body, key="lost-order")
    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    assert world.rows() == (before[0] + 1, before[1] + 1)


async def test_a_reservation_whose_commit_answer_is_lost_is_one_order_when_it_is_sent_again(
    world: World, proxy: Proxy
) -> None:
    entur = EnturClient(world)
    offer = await entur.offer("standard", ADULT, service=world.train())
    before = world.rows()
    proxy.cut_commit()
    lost = await entur.reserve({"offerId": offer}, Idempotency_Key="lost-sale")
    assert (lost.status, lost.code, proxy.cuts) == (503, "STORE_BUSY", 1)
    again = await entur.reserve({"offerId": offer}, Idempotency_Key="lost-sale")
    assert again.status == 200, again.body
    assert world.rows() == (before[0] + 1, before[1] + 1)
    assert violations_of(world, again.body["orderId"]) == []
