"""A served installation whose bank and railway are processes: API, worker, Temporal, and a wire to each of the two."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from temporalio.client import Client

from cli.faults.injector import Faults
from cli.stack import Ports, Stack
from examples.providers.railway_inventory import RailwayInventory, RailwaySettings
from runtime.bootstrap import build_components
from runtime.settings import Settings
from temporal.data_converter import DATA_CONVERTER
from tests.support.external_systems import SECRET
from tests.support.leak_detection import search_answer
from tests.support.outside_processes import OutsideProcess, bank_process, railway_process, running_process
from tests.support.wire import Wire
from tests.support.world import World

TIMEOUT = timedelta(seconds=2)
"""How long our adapters wait for an answer."""
HASTY = ("tests.support.hasty_worker",)
USUAL = ("cli", "worker")


@dataclass
class Served:
    """The installation, and what is outside of it."""

    world: World
    stack: Stack
    bank: OutsideProcess
    railway: OutsideProcess
    to_bank: Wire
    to_railway: Wire

    async def train(self, name: str, coaches: int = 1, seats: int = 8) -> str:
        """Add a departure, which the railway and our catalogue know, for one order."""
        service = await asyncio.to_thread(self.world.train, coaches, seats)
        await asyncio.to_thread(self._put, service, coaches, seats)
        self.to_railway.name(service, name)
        return service

    def _put(self, service: str, coaches: int, seats: int) -> None:
        body = {"coaches": coaches, "seats_per_coach": seats}
        httpx2.put(f"{self.railway.url}/departures/{service}", json=body, timeout=30).raise_for_status()

    @property
    def environment(self) -> dict[str, str]:
        """The settings with which an operator's commands find it, past the wires."""
        return {**self.stack.worker.environment, "BANK_URL": self.bank.url, "RAILWAY_URL": self.railway.url}


@asynccontextmanager
async def running_served(folder: Path, database: str | None, worker: Sequence[str] = HASTY) -> AsyncIterator[Served]:
    """Run the installation while the block lasts."""
    with (
        running_process(bank_process(folder)) as bank,
        running_process(railway_process(folder)) as railway,
        Wire(bank.url, TIMEOUT) as to_bank,
        Wire(railway.url, TIMEOUT) as to_railway,
    ):
        more = {
            "CHANGEOVER_PAYMENTS": "examples.providers.bank_payments:BankPayments",
            "CHANGEOVER_SEATS": "examples.providers.railway_inventory:RailwayInventory",
            "CHANGEOVER_RECONCILE_EVERY": "PT5S",
            "CHANGEOVER_THREADS": "48",
            "BANK_URL": to_bank.url,
            "BANK_TIMEOUT": f"PT{TIMEOUT.seconds}S",
            "BANK_SECRET": SECRET.get_secret_value(),
            "RAILWAY_URL": to_railway.url,
            "RAILWAY_TIMEOUT": f"PT{TIMEOUT.seconds}S",
            "RAILWAY_SECRET": SECRET.get_secret_value(),
        }
        stack = Stack(folder, Ports.free(), database, in_memory=True, more=more, worker=worker)
        await asyncio.to_thread(stack.__enter__)
        try:
            async with _world(stack) as world:
                yield Served(world, stack, bank, railway, to_bank, to_railway)
        finally:
            await asyncio.to_thread(stack.stop)


@asynccontextmanager
async def _world(stack: Stack) -> AsyncIterator[World]:
    """A world whose worker and API are processes; its store is read, and gets trains."""
    components = build_components(Settings(database=stack.database))
    client = await Client.connect(stack.temporal, data_converter=DATA_CONVERTER)
    limits, hooks = httpx2.Limits(max_connections=200), {"response": [search_answer]}
    options: dict[str, Any] = {"base_url": stack.api, "timeout": 120, "limits": limits, "event_hooks": hooks}
    try:
        async with httpx2.AsyncClient(**options) as http:
            yield World(components, client, http, Faults())
    finally:
        components.store.close()


def railway_book(served: Served) -> dict[str, tuple[str, str, str, str]]:
    """Return what the railway's own book has under our keys: key, service, seat and state, by reference."""
    with closing(RailwayInventory(RailwaySettings(url=served.railway.url, secret=SECRET))) as inventory:
        return {
            each.held.reference: (
                each.key,
                str(getattr(each.held, "service", "")),
                f"{getattr(each.held, 'coach', '')}-{getattr(each.held, 'seat', '')}",
                "sold" if each.sold else "held",
            )
            for each in inventory.held_by_us("default")
        }
