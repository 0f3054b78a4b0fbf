"""An external catalogue that is down, slow or wrong: every route that needs it says so, and all others work.

The shop of examples/ runs as a process of its own behind the API and a worker; it is killed, hangs, or answers what no
catalogue may hold.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import httpx2
import pytest

from cli import doctor
from cli.doctor.findings import Verdict
from cli.doctor.target import Target
from domain.changes import ChangeState
from examples.fake_systems.shop_server import ShopTrouble
from runtime.settings import Settings
from telemetry.stopwatch import Stopwatch
from tests.api.desk.visitor import Visitor, words_of
from tests.support.canary import ADULT
from tests.support.entur_client import EnturClient
from tests.support.final_checks import check_invariants
from tests.support.outages import AT_ONCE, READS, TIMEOUT, Outage, is_unavailable, running_with_shop
from tests.support.postgres import new_database
from tests.support.world import CARD, Answer, add, replace
from tests.telemetry.test_counters import Growth

KILLED = None
TROUBLES = (KILLED, *ShopTrouble)


@pytest.fixture(scope="module")
async def installation_of_outages(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Outage]:
    folder = tmp_path_factory.mktemp("shop")
    url = f"sqlite:///{folder / 'shop.db'}"
    if database_kind == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"), "shop")
    async with running_with_shop(url, temporal, f"shop-{database_kind}", folder) as outage:
        yield outage
        check_invariants(outage.world)


@pytest.fixture
async def outage(installation_of_outages: Outage) -> AsyncIterator[Outage]:
    yield installation_of_outages
    installation_of_outages.shop.set_trouble(None)
    # What a hanging shop kept waiting ends now; until then its places are taken.
    async with asyncio.timeout(30):
        while (await READS["search"](installation_of_outages)).status == 503:  # noqa: ASYNC110 - only an answer shows it
            await asyncio.sleep(0.05)


def _bad_findings(outage: Outage) -> list[str]:
    """Return what `doctor` finds bad about the API."""
    settings = Settings(api_port=outage.world.http.base_url.port or 0)
    found = doctor.api.examine(Target(settings, Path("/no-such-folder"), None))
    return [each.what for each in found if each.verdict is Verdict.BAD]


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
async def test_a_route_that_needs_the_catalogue_says_that_it_is_unavailable(
    outage: Outage, trouble: ShopTrouble | None
) -> None:
    before = outage.world.rows()
    with outage.shop.in_trouble(trouble):
        answers: dict[str, Answer] = {}
        for name, call in READS.items():
            stopwatch = Stopwatch()
            answers[name] = await call(outage)
            assert stopwatch.seconds < 2 * TIMEOUT.total_seconds() + 3, name
        ready = await outage.world.send("GET", "/ready")
        named = await asyncio.to_thread(_bad_findings, outage)
    wrong = {name: (each.status, each.body) for name, each in answers.items() if not is_unavailable(each)}
    assert not wrong
    assert (ready.status, ready.body) == (200, {"status": "ok", "unavailable": ["offers"]})
    assert any("no usable answer of the provider of offers" in each for each in named)
    assert outage.world.rows() == before, "something was recorded"


async def test_each_facade_says_it_in_its_own_form(outage: Outage) -> None:
    with outage.shop.in_trouble(ShopTrouble.ERROR):
        entur = await READS["entur options"](outage)
        discover = await READS["discover offers"](outage)
        native = await READS["options"](outage)
    assert entur.body["exception"] == "PROVIDER_UNAVAILABLE"
    assert native.headers["content-type"] == discover.headers["content-type"] == "application/problem+json"
    assert entur.headers["content-type"] == "application/json"


@pytest.mark.parametrize("trouble", [KILLED, ShopTrouble.PAGE], ids=str)
async def test_a_change_that_cannot_read_the_catalogue_is_undone_as_unavailable(
    outage: Outage, trouble: ShopTrouble | None
) -> None:
    world, orders = outage.world, outage.orders
    before = {order: world.snapshot(order) for order in (orders.sold, orders.draft)}
    entur = EnturClient(world)
    with outage.shop.in_trouble(trouble):
        answers = await asyncio.gather(
            world.change(orders.sold, replace([f"{orders.sold}-1"], orders.bundle), Prefer="wait=30"),
            world.post(f"/v1/orders/{orders.draft}/confirm", {"payment": CARD}, Prefer="wait=30"),
            world.change(orders.unsold, add(orders.bundle, ADULT), confirm=True, payment=CARD, Prefer="wait=30"),
            entur.reserve({"offerId": orders.offer}),
        )
        assert [(each.status, each.body) for each in answers if not is_unavailable(each)] == []
        ended = [(await world.send("GET", f"/v1/changes/{each.change}")).body for each in answers]
        assert {(each["state"], each["problem"]["code"]) for each in ended} == {
            (ChangeState.UNDONE, "PROVIDER_UNAVAILABLE")
        }
    assert (await world.send("GET", f"/v1/orders/{ended[-1]['order']}")).code == "ORDER_NOT_FOUND"
    assert {order: world.snapshot(order) for order in before} == before
    # The same is possible once the shop answers.
    assert (await world.change(orders.sold, replace([f"{orders.sold}-1"], orders.bundle))).status == 200
    assert (await world.discard(orders.sold)).status == 200


async def test_a_step_goes_on_by_itself_once_the_catalogue_answers(outage: Outage) -> None:
    order = await outage.sold()
    failed = Growth("changeover_provider_seconds_count", provider="offers", act="products", result="failed")
    with outage.shop.in_trouble(ShopTrouble.ERROR):
        sent = await outage.world.change(
            order, replace([f"{order}-1"], outage.orders.bundle), Prefer="respond-async", confirm=True, payment=CARD
        )
        assert sent.status == 202
        async with asyncio.timeout(20):
            while not failed.grown:  # noqa: ASYNC110 - only the metric shows it
                await asyncio.sleep(0.02)
    assert await outage.world.wait_for_outcome(sent.change) == ChangeState.DONE


async def test_what_does_not_need_the_catalogue_works_during_an_outage(outage: Outage) -> None:
    world, draft, entur = outage.world, await outage.draft(), EnturClient(outage.world)
    with outage.shop.in_trouble(KILLED):
        assert (await world.send("GET", f"/v1/orders/{draft}")).status == 200
        assert (await world.send("GET", f"/v1/orders/{draft}/history")).status == 200
        assert (await entur.send("GET", f"/v1/orders/{draft}")).status == 200
        assert (await world.post("/v1/orders", {"currency": "NOK"})).status == 201
        assert await Visitor(world.http).see(f"/desk/orders/{draft}")
        assert (await world.discard(draft)).status == 200
        assert (await world.send("GET", "/health")).status == 200


async def test_an_operator_who_confirms_meanwhile_reads_why_it_is_undone(outage: Outage) -> None:
    draft, visitor = await outage.draft(), Visitor(outage.world.http)
    assert (await outage.world.pay(draft, "299.00")).status == 200
    with outage.shop.in_trouble(KILLED):
        answer = await visitor.fill_in(f"/desk/orders/{draft}/confirm", reason="paid at the counter")
        assert answer.status_code == httpx2.codes.SEE_OTHER
        assert "PROVIDER_UNAVAILABLE" in words_of(await visitor.see(answer.headers["location"]))
    assert (await outage.world.discard(draft)).status == 200


async def test_few_wait_for_a_slow_catalogue_and_all_other_routes_answer_at_once(outage: Outage) -> None:
    world, seconds = outage.world, []

    async def timed(call: Awaitable[Answer]) -> Answer:
        stopwatch = Stopwatch()
        answer = await call
        seconds.append(stopwatch.seconds)
        return answer

    with outage.shop.in_trouble(ShopTrouble.SLOW):
        searches = [asyncio.create_task(timed(READS["search"](outage))) for _ in range(60)]
        await asyncio.wait(searches, return_when=asyncio.FIRST_COMPLETED)
        stopwatch = Stopwatch()
        others = [world.send("GET", f"/v1/orders/{outage.orders.sold}") for _ in range(20)]
        assert {each.status for each in await asyncio.gather(*others)} == {200}
        took = stopwatch.seconds
        answers = await asyncio.gather(*searches)
    assert all(map(is_unavailable, answers))
    at_once = [each for each in seconds if each < TIMEOUT.total_seconds()]
    assert len(seconds) - len(at_once) <= AT_ONCE
    assert took < TIMEOUT.total_seconds(), "other routes waited too"
