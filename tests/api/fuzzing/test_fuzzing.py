"""Every route, fuzzed by its own description: nothing breaks, and the OpenAPI file says what is answered."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from api.auth.authenticator import AuthSettings
from api.context import ApiContext
from api.settings import EnturSettings
from api.workflow_client import OrderWorkflowClient
from tests.support.auth import PEPPER, AuthenticatedWorld
from tests.support.canary import ADULT
from tests.support.discover_client import DAY_CARD, HELMA, DiscoverClient, item
from tests.support.docs_pages import ROOT
from tests.support.installation import serve_api
from tests.support.routes import documented_routes
from tests.support.world import TENANT, World

HERE = Path(__file__).parent
AS_OFTEN_AS_IT_LIKES = 1_000_000


@pytest.mark.fuzz
@pytest.mark.timeout(900)
async def test_no_check_of_schemathesis_fails(world: World, tmp_path: Path) -> None:
    access = AuthSettings(PEPPER, None, *3 * [AS_OFTEN_AS_IT_LIKES])
    entur = EnturSettings(unnamed_per_minute=AS_OFTEN_AS_IT_LIKES, named_per_minute=AS_OFTEN_AS_IT_LIKES)
    parts = ApiContext(
        unscoped_store=world.components.store,
        offers=world.components.offers,
        workflow_client=OrderWorkflowClient(world.client),
        tenant=TENANT,
        auth=access,
        changes_per_hour=AS_OFTEN_AS_IT_LIKES,
        entur=entur,
        url_policy=world.components.url_policy,
    )
    async with serve_api(parts) as served:
        asked = AuthenticatedWorld(replace(world, http=served.http)).client()
        there = await things(asked.world) | {"KEY": asked.key.text}
        status, said = await run(str(served.http.base_url), there, tmp_path)
        routes = len(await documented_routes(asked.world))
    assert status == 0, said
    assert f"{routes} selected / {routes} total" in said


async def things(world: World) -> dict[str, str]:
    """Make one of everything that a route may be asked about."""
    order = await world.sold(ADULT)
    change = (await world.upgrade(order)).change
    webhook = (await world.post("/v1/webhooks", {"url": "http://127.0.0.1:9/"})).body["id"]
    francs = await DiscoverClient(world).order(item(DAY_CARD, HELMA))
    bundle = await world.offer("standard", ADULT, service=world.train())
    return {"ORDER": order, "CHANGE": change, "WEBHOOK": webhook, "FRANCS": francs, "BUNDLE": bundle}


async def run(url: str, there: dict[str, str], reports: Path) -> tuple[int, str]:
    """Run Schemathesis beside us; return how it ended and what it said."""
    config = ("--config-file", str(HERE / "schemathesis.toml"))
    command = (*config, "run", f"{url}/openapi.json", "--no-color", "--report-dir", str(reports))
    program = str(Path(sys.executable).with_name("schemathesis"))
    running = await asyncio.create_subprocess_exec(
        program, *command, cwd=ROOT, env=there | {"PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await running.communicate()
    return running.returncode or 0, said.decode()
