"""Starts the whole service: a worker and an API on a database and a namespace of their own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx2
import uvicorn
from temporalio.client import Client
from temporalio.plugin import SimplePlugin

import worker
from api.app import create_app
from api.context import ApiContext
from api.middleware.request_tracing import TracingMiddleware
from api.middleware.slow_clients import SlowClientProtocol
from api.settings import DeskSettings
from api.workflow_client import OrderWorkflowClient
from cli import catalogue
from cli.api import QUICK, Server
from cli.faults.injector import Faults
from providers.protocols import PaymentProvider
from runtime.bootstrap import Components, build_components
from runtime.outbox_relay import OutboxRelay
from runtime.settings import Settings
from store.database.migrate import migrate
from telemetry.loopback import HOST, free_port
from temporal.data_converter import DATA_CONVERTER
from tests.support.leak_detection import search_answer
from tests.support.world import TENANT, World

RELAY_POLL_INTERVAL = timedelta(milliseconds=100)


@asynccontextmanager
async def _looking(dispatcher: OutboxRelay) -> AsyncIterator[None]:
    looking = asyncio.create_task(dispatcher.run_forever(RELAY_POLL_INTERVAL))
    yield
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking


class _Server(Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to pytest."""
        yield


def prepare_database(url: str) -> str:
    """Migrate a database, load the demo catalogue and return its URL."""
    migrate(url)
    catalogue.load(Settings(database=url))
    return url


def _made(parts: Components, engine: OrderWorkflowClient) -> ApiContext:
    return ApiContext(
        unscoped_store=parts.store,
        offers=parts.offers,
        workflow_client=engine,
        tenant=TENANT,
        web_ui="http://127.0.0.1:8233",
        desk=DeskSettings(),
        url_policy=parts.url_policy,
    )


@asynccontextmanager
async def running_world(
    database: str,
    temporal: str,
    namespace: str,
    payments: PaymentProvider | None = None,
    *,
    with_worker: bool = True,
    plugins: Sequence[SimplePlugin] = (),
    **more: Any,
) -> AsyncIterator[World]:
    """Start worker and API on a database and a namespace of their own, perhaps with a bank outside, and settings.

    With `works` false the worker is somebody else's; with plugins it is traced.
    """
    more = {"webhooks_allow_private": True, **more}
    settings = Settings(database=database, api_port=free_port(), threads=32, **more)
    parts = build_components(settings)
    parts = replace(parts, payments=payments or parts.payments)
    common: dict[str, Any] = {"namespace": namespace, "data_converter": DATA_CONVERTER, "plugins": plugins}
    client = await Client.connect(temporal, **common)
    faults = Faults()
    asking = await Client.connect(temporal, **common, retry_config=QUICK)
    made = _made(parts, OrderWorkflowClient(asking, parts.external_systems))
    with ThreadPoolExecutor(settings.threads) as executor:
        async with contextlib.AsyncExitStack() as stack:
            if with_worker:
                for each in worker.workers(client, parts, settings, executor, [faults]):
                    await stack.enter_async_context(each)
                await stack.enter_async_context(worker.webhook_worker(client, parts, settings, [faults]))
                await stack.enter_async_context(_looking(OutboxRelay(client, parts.store)))
            served = await stack.enter_async_context(serve_api(made, settings.api_port, traced=bool(plugins)))
            yield World(parts, client, served.http, faults)
    parts.store.close()


@dataclass(frozen=True)
class Served:
    """An API that listens, and a client of it."""

    server: Server
    http: httpx2.AsyncClient


@asynccontextmanager
async def serve_api(ctx: ApiContext, port: int, *, traced: bool = False) -> AsyncIterator[Served]:
    """Serve an API of these parts until the block ends, gracefully."""
    app = create_app(ctx)
    if traced:
        app.add_middleware(TracingMiddleware)
    usual: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off"}
    config = uvicorn.Config(app, host=HOST, port=port, http=SlowClientProtocol, ws="none", **usual)
    server = _Server(config, app.state.watchers)
    limits = httpx2.Limits(max_connections=200)
    running = asyncio.create_task(server.serve())
    hooks = {"response": [search_answer]}
    base = f"http://{HOST}:{port}"
    async with httpx2.AsyncClient(base_url=base, timeout=60, limits=limits, event_hooks=hooks) as http:
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield Served(server, http)
        server.should_exit = True
        await running
