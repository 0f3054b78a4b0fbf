"""Starts the whole service: a worker and an API on a database and a namespace of their own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import uvicorn
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

import worker
from activities.steps import Place
from api.app import create_app
from api.engine import Engine
from api.parts import ApiParts
from cli import catalogue
from cli.api import QUICK, Server
from cli.ports import HOST, free_port
from providers.protocols import PaymentProvider
from settings import Settings
from store.migrate import migrate
from tests.support.faults import Faults
from tests.support.world import TENANT, World


class _Server(Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to pytest."""
        yield


def prepared(url: str) -> str:
    """Migrate a database, load the demo catalogue and return its URL."""
    migrate(url)
    catalogue.load(Settings(database=url))
    return url


@asynccontextmanager
async def running_world(
    database: str,
    temporal: str,
    namespace: str,
    bank: PaymentProvider | None = None,
    *,
    works: bool = True,
    **more: Any,
) -> AsyncIterator[World]:
    """Start worker and API on a database and a namespace of their own, perhaps with a bank outside, and settings.

    With `works` false the worker is somebody else's.
    """
    outside = (Place.PAYMENTS,) if bank else ()
    settings = Settings(database=database, api_port=free_port(), threads=32, outside=outside, **more)
    parts = worker.parts(settings)
    parts = replace(parts, payments=bank or parts.payments)
    client = await Client.connect(temporal, namespace=namespace, data_converter=pydantic_data_converter)
    faults = Faults()
    asking = await Client.connect(
        temporal, namespace=namespace, data_converter=pydantic_data_converter, retry_config=QUICK
    )
    made = ApiParts(store=parts.store, offers=parts.offers, engine=Engine(asking, outside), tenant=TENANT)
    with ThreadPoolExecutor(settings.threads) as executor:
        async with contextlib.AsyncExitStack() as stack:
            for each in worker.workers(client, parts, settings, executor, [faults]) if works else ():
                await stack.enter_async_context(each)
            served = await stack.enter_async_context(serving(made, settings.api_port))
            yield World(parts, client, served.http, faults)
    parts.store.close()


@dataclass(frozen=True)
class Served:
    """An API that listens, and a client of it."""

    server: Server
    http: httpx2.AsyncClient


@asynccontextmanager
async def serving(made: ApiParts, port: int) -> AsyncIterator[Served]:
    """Serve an API of these parts until the block ends, gracefully."""
    app = create_app(made)
    config = uvicorn.Config(app, host=HOST, port=port, log_level="warning", lifespan="off")
    server = _Server(config, app.state.watchers)
    limits = httpx2.Limits(max_connections=200)
    running = asyncio.create_task(server.serve())
    async with httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=60, limits=limits) as http:
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield Served(server, http)
        server.should_exit = True
        await running
