"""The last release beside the present code: on one database and one Temporal, each goes on with what the other began.

The release runs from its archive in tests/releases, each of its processes with its own code.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace as replace_
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from store.database.migrate import migrate
from telemetry.loopback import HOST, free_port
from tests.guarantees.test_rehearsal import Site, site
from tests.guarantees.test_releasing import is_confirmed
from tests.replay_histories import failures
from tests.support import next_release
from tests.support.canary import ADULT
from tests.support.final_checks import check_invariants
from tests.support.kept_releases import UnpackedRelease, last_release
from tests.support.leak_detection import search_answer
from tests.support.pins import lost
from tests.support.world import CARD, DECLINED, Answer, World, add, replace

pytestmark = pytest.mark.faults

RELEASED, PRESENT = "released", "present"
"""The names of two builds."""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> UnpackedRelease:
    """The last release, unpacked."""
    return last_release().unpack(tmp_path_factory.mktemp("release"))


@dataclass
class Upgrade:
    """An installation that processes of the release and of the present code share."""

    here: Site
    release: UnpackedRelease

    @property
    def _settings(self) -> dict[str, str]:
        client = self.here.world.client
        return {
            "CHANGEOVER_DATABASE": self.here.database,
            "TEMPORAL_ADDRESS": self.here.temporal,
            "TEMPORAL_NAMESPACE": client.namespace,
        }

    def start_released_worker(self, build: str = "") -> None:
        """Start the release's worker."""
        log = self.here.folder / "released-worker.log"
        self.here.run(self.release.process("worker", log, {**self._settings, "CHANGEOVER_BUILD": build}))

    async def stop(self) -> None:
        """Stop every process that was started."""
        await self.here.stack.aclose()

    @asynccontextmanager
    async def served_by_the_release(self) -> AsyncIterator[World]:
        """Clients of the release's API."""
        port = free_port()
        log = self.here.folder / "released-api.log"
        self.here.run(self.release.process("api", log, {**self._settings, "CHANGEOVER_API_PORT": str(port)}))
        hooks = {"response": [search_answer]}
        async with httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=60, event_hooks=hooks) as http:
            await _until_ready(http)
            yield replace_(self.here.world, http=http)


async def _until_ready(http: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await http.get("/ready")).status_code == httpx2.codes.OK:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.1)


def train(world: World, number: str) -> str:
    """Return a departure of the demo catalogue, which every release can load itself."""
    return f"{number}-{(world.components.store.now() + timedelta(days=10)).date()}"


async def sell(world: World) -> str:
    """Sell and confirm an order, as soon as a worker serves; return its number."""
    order = await world.order()
    operation = add(await world.offer("standard", ADULT, service=train(world, "4711")), ADULT)
    async with asyncio.timeout(60):
        while True:
            sent = await world.change(order, operation, key=f"sale-{order}", confirm=True, payment=CARD)
            if sent.status not in (202, 503):
                assert sent.status == httpx2.codes.OK, sent.body
                return order
            await asyncio.sleep(0.1)


async def change(world: World, order: str, **more: Any) -> Answer:
    """Replace an order's line by a dearer one, 100.00 more: into a draft, or in one go."""
    bundle = await world.offer("flexible", ADULT, service=train(world, "4713"))
    return await world.change(order, replace(await world.lines(order), bundle), **more)


async def open_draft(world: World) -> str:
    """Sell an order and change it, so that its draft is open."""
    order = await sell(world)
    assert (await change(world, order)).status == httpx2.codes.OK
    return order


async def confirm(world: World, order: str) -> bool:
    """Confirm a draft; whether the order is then what it must be, at both of our books."""
    answer = await world.confirm(order, CARD)
    return answer.status == httpx2.codes.OK and await is_confirmed(world, order)


async def requests_of_every_kind(world: World) -> str:
    """Send each kind of request and check its end; return an order whose draft is open."""
    at_once, order, opened = await sell(world), await sell(world), await open_draft(world)
    assert (await change(world, at_once, confirm=True, payment=CARD)).status == httpx2.codes.OK
    assert await is_confirmed(world, at_once)
    before = world.snapshot(order)
    refused = await change(world, order, confirm=True, payment=DECLINED)
    assert (refused.status, refused.code) == (402, "PAYMENT_REFUSED")
    assert world.snapshot(order) == before
    assert (await change(world, order)).status == httpx2.codes.OK
    later = {"expires_at": (world.components.store.now() + timedelta(hours=2)).isoformat()}
    assert (await world.send("PATCH", f"/v1/orders/{order}", later)).status == 200
    assert (await world.pay(order, "100.00")).status == httpx2.codes.OK
    assert (await world.discard(order)).status == httpx2.codes.OK
    assert world.snapshot(order) == before
    return opened


async def test_what_was_sold_on_the_release_goes_on_after_the_upgrade(
    temporal: str, postgres_url: str, tmp_path: Path, release: UnpackedRelease
) -> None:
    def prepare(database: str) -> None:
        for word in ("migrate", "catalogue"):
            release.run(word, CHANGEOVER_DATABASE=database)

    async with site("released-before", temporal, postgres_url, tmp_path, prepare) as here:
        upgrade = Upgrade(here, release)
        upgrade.start_released_worker()
        async with upgrade.served_by_the_release() as old:
            sold, opened, discarded = await sell(old), await open_draft(old), await open_draft(old)
            assert (await old.discard(discarded)).status == httpx2.codes.OK
            shown = {order: await old.show(order) for order in (sold, opened, discarded)}
            recorded = [here.save_history(order) for order in shown]
        await upgrade.stop()
        migrate(here.database)
        assert await failures(recorded) == {}
        await here.start(next_release.unchanged)
        world = here.world
        for order, before in shown.items():
            assert list(lost(before, await world.show(order))) == []
        assert await confirm(world, opened)
        assert (await change(world, sold, confirm=True, payment=CARD)).status == httpx2.codes.OK
        assert await is_confirmed(world, sold)
        check_invariants(world)


async def test_api_and_worker_of_two_releases_serve_every_kind_of_request_together(
    temporal: str, postgres_url: str, tmp_path: Path, release: UnpackedRelease
) -> None:
    async with site("released-beside", temporal, postgres_url, tmp_path) as here:
        upgrade = Upgrade(here, release)
        upgrade.start_released_worker()
        opened = await requests_of_every_kind(here.world)
        await upgrade.stop()
        await here.start(next_release.unchanged)
        async with upgrade.served_by_the_release() as old:
            assert await confirm(old, opened)
            assert await confirm(here.world, await requests_of_every_kind(old))
        check_invariants(here.world)


async def test_the_build_of_the_release_takes_over_again_what_the_present_one_has_sold(
    temporal: str, postgres_url: str, tmp_path: Path, release: UnpackedRelease
) -> None:
    async with site("released-build", temporal, postgres_url, tmp_path) as here:
        upgrade, world = Upgrade(here, release), here.world
        upgrade.start_released_worker(RELEASED)
        await here.make_current(RELEASED)
        first = await open_draft(world)
        await here.start(next_release.unchanged, PRESENT)
        await here.make_current(PRESENT)
        second, sold = await open_draft(world), await sell(world)
        await here.make_current(RELEASED)
        async with upgrade.served_by_the_release() as old:
            # What the present release has sold, the one before changes; a draft ends on the build that opened it.
            assert (await change(old, sold)).status == httpx2.codes.OK
            assert [await here.build_of(each) for each in (first, second, sold)] == [RELEASED, PRESENT, RELEASED]
            for order in (first, second, sold):
                assert await confirm(old, order)
        check_invariants(world)
