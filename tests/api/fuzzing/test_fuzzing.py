"""Schemathesis fuzzes every route: no request fails, and every response matches the OpenAPI file."""

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
UNLIMITED = 1_000_000


@pytest.mark.fuzz
@pytest.mark.timeout(900)
async def test_no_check_of_schemathesis_fails(world: World, tmp_path: Path) -> None:
    auth = AuthSettings(PEPPER, None, *3 * [UNLIMITED])
    entur = EnturSettings(unnamed_per_minute=UNLIMITED, named_per_minute=UNLIMITED)
    ctx = ApiContext(
        unscoped_store=world.components.store,
        offers=world.components.offers,
        inventory=world.components.inventory,
        workflow_client=OrderWorkflowClient(world.client),
        tenant=TENANT,
        auth=auth,
        changes_per_hour=UNLIMITED,
        entur=entur,
        url_policy=world.components.url_policy,
    )
    async with serve_api(ctx) as served:
        client = AuthenticatedWorld(replace(world, http=served.http)).client()
        environment = await create_objects(client.world) | {"KEY": client.key.text}
        status, output = await run_schemathesis(str(served.http.base_url), environment, tmp_path)
        routes = len(await documented_routes(client.world))
    assert status == 0, output
    assert f"{routes} selected / {routes} total" in output


async def create_objects(world: World) -> dict[str, str]:
    """Create one object of each kind that routes take; return their ids by the names in schemathesis.toml."""
    order = await world.sold(ADULT)
    change = (await world.upgrade(order)).change
    webhook = (await world.post("/v1/webhooks", {"url": "http://127.0.0.1:9/"})).body["id"]
    francs = await DiscoverClient(world).order(item(DAY_CARD, HELMA))
    bundle = await world.offer("standard", ADULT, service=world.train())
    return {"ORDER": order, "CHANGE": change, "WEBHOOK": webhook, "FRANCS": francs, "BUNDLE": bundle}


async def run_schemathesis(url: str, environment: dict[str, str], reports: Path) -> tuple[int, str]:
    """Run Schemathesis as a process; return its exit status and its output."""
    config = ("--config-file", str(HERE / "schemathesis.toml"))
    command = (*config, "run", f"{url}/openapi.json", "--no-color", "--report-dir", str(reports))
    program = str(Path(sys.executable).with_name("schemathesis"))
    process = await asyncio.create_subprocess_exec(
        program, *command, cwd=ROOT, env=environment | {"PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()
