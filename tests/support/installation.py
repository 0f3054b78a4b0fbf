"""Starts the whole service: a worker and an API on their own database and Temporal namespace."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Generator, Sequence
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
from providers.protocols import Inventory, PaymentProvider
from runtime.bootstrap import Components, bounded_inventory, build_components
from runtime.outbox_relay import OutboxRelay
from runtime.settings import Settings
from store.database.migrate import migrate
from store.database.store import Store
from telemetry.loopback import HOST, listening_socket
from temporal.data_converter import DATA_CONVERTER
from tests.support.leak_detection import search_answer
from tests.support.world import TENANT, World

RELAY_POLL_INTERVAL = timedelta(milliseconds=200)


@asynccontextmanager
async def _relaying(relay: OutboxRelay) -> AsyncIterator[None]:
    running = asyncio.create_task(relay.run_forever(RELAY_POLL_INTERVAL))
    yield
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


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


def _api_context(components: Components, settings: Settings, workflow_client: OrderWorkflowClient) -> ApiContext:
    return ApiContext(
        unscoped_store=components.store,
        offers=components.offers,
        inventory=bounded_inventory(components, settings),
        workflow_client=workflow_client,
        tenant=TENANT,
        payments=components.payments,
        web_ui="http://127.0.0.1:8233",
        desk=DeskSettings(),
        url_policy=components.url_policy,
    )


@asynccontextmanager
async def running_world(
    database: str,
    temporal: str,
    namespace: str,
    payments: PaymentProvider | Callable[[Store], PaymentProvider] | None = None,
    *,
    inventory: Callable[[Store], Inventory] | None = None,
    with_worker: bool = True,
    plugins: Sequence[SimplePlugin] = (),
    **overrides: Any,
) -> AsyncIterator[World]:
    """Start worker and API on a database and a namespace, with other providers and settings if given.

    With `with_worker` false the test runs the worker in a process of its own; with plugins the worker is traced.
    """
    overrides = {"webhooks_allow_private": True, **overrides}
    settings = Settings(database=database, threads=32, **overrides)
    components = build_components(settings)
    if payments:
        components = replace(components, payments=payments(components.store) if callable(payments) else payments)
    if inventory:
        components = replace(components, inventory=inventory(components.store))
    common: dict[str, Any] = {"namespace": namespace, "data_converter": DATA_CONVERTER, "plugins": plugins}
    client = await Client.connect(temporal, **common)
    faults = Faults()
    api_client = await Client.connect(temporal, **common, retry_config=QUICK)
    ctx = _api_context(
        components,
        settings,
        OrderWorkflowClient(api_client, components.external_systems, reseats_by_itself=bool(settings.reseat)),
    )
    with ThreadPoolExecutor(settings.threads) as executor:
        async with contextlib.AsyncExitStack() as stack:
            if with_worker:
                for each in worker.workers(client, components, settings, executor, [faults]):
                    await stack.enter_async_context(each)
                await stack.enter_async_context(worker.webhook_worker(client, components, settings, [faults]))
                await stack.enter_async_context(_relaying(OutboxRelay(client, components.store)))
            served = await stack.enter_async_context(serve_api(ctx, traced=bool(plugins)))
            yield World(components, client, served.http, faults)
    components.store.close()


@dataclass(frozen=True)
class Served:
    """An API that accepts connections, and an HTTP client of it."""

    server: Server
    http: httpx2.AsyncClient


@asynccontextmanager
async def serve_api(ctx: ApiContext, *, traced: bool = False) -> AsyncIterator[Served]:
    """Serve an API with this context on a free port until the block ends; it finishes running requests."""
    app = create_app(ctx)
    if traced:
        app.add_middleware(TracingMiddleware)
    options: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off"}
    config = uvicorn.Config(app, http=SlowClientProtocol, ws="none", **options)
    server = _Server(config, app.state.change_streams)
    limits = httpx2.Limits(max_connections=200)
    # Bound here and not by uvicorn: between a look for a free port and uvicorn's bind another process may take it.
    listening = listening_socket()
    base = f"http://{HOST}:{listening.getsockname()[1]}"
    running = asyncio.create_task(server.serve([listening]))
    hooks = {"response": [search_answer]}
    async with httpx2.AsyncClient(base_url=base, timeout=60, limits=limits, event_hooks=hooks) as http:
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield Served(server, http)
        server.should_exit = True
        await running
