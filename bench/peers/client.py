"""Runs the DBOS app on its own database, and sends the same change to it and to ours in alternation."""

import asyncio
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx2
import psycopg

from bench.changes.kinds import ADD, DEARER
from bench.changes.runs import Bench
from bench.load import Run, run, run_concurrently
from bench.peers import tables
from bench.peers.tables import Tx
from bench.peers.transactions import Json
from bench.workload import BenchOrder
from cli.processes import Child
from telemetry.loopback import HOST, free_port

_START_SECONDS = 60.0


class Peer:
    """The process of the DBOS app and its database; with the URL of a bank, it calls that bank."""

    def __init__(self, database: str, data: Path, bank: str | None = None) -> None:
        self.database, self.bank = database, bank
        self._port = free_port()
        environment = {"PEERS_DATABASE": database, "PEERS_PORT": str(self._port), "PEERS_BANK": bank or ""}
        self.app = Child("dbos", [sys.executable, "-m", "bench.peers.app"], data / "dbos.log", environment)

    @property
    def url(self) -> str:
        """The URL of the app."""
        return f"http://{HOST}:{self._port}"

    def prepare(self) -> None:
        """Create the tables."""
        with self.connect() as tx:
            tables.create(tx)

    def connect(self) -> Tx:
        """Return a connection to the app's database; the statements of its block commit together."""
        return psycopg.connect(self.database)

    def start(self) -> None:
        """Start the app and wait until it answers."""
        self.app.start()
        give_up = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self.app.ended or time.monotonic() > give_up:
                raise RuntimeError(f"the DBOS app did not start. Its output:\n{self.app.tail()}")
            time.sleep(0.1)

    def sell(self, count: int) -> list[str]:
        """Sell this many orders and return their numbers."""
        batch = uuid.uuid4().hex[:8]
        orders = [f"{batch}-{number}" for number in range(count)]
        with self.connect() as tx:
            tables.sell(tx, batch, orders)
        return orders

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/ready", timeout=5).is_success
        except httpx2.TransportError:
            return False


def change_request(order: str, token: str = tables.OK) -> Json:
    """Return the request to change an order; its id contains the order, so that the proof finds it."""
    return {"id": f"{order}/change", "order": order, "offer_bundle_id": tables.bundle_for(order), "token": token}


API, DIRECT, DBOS = "ours", "ours, directly", "DBOS"

REST_SECONDS = 11.0
"""Temporal's timers of our runs fire ten seconds later: their cost must not be counted with DBOS. With ours the timers
of the preceding sales are counted, as in a system that sells all the time."""


@dataclass(frozen=True)
class Pair:
    """Ours and the peer, started on one PostgreSQL server."""

    bench: Bench
    """Ours. The bare workflows' worker is idle here: the peer is sampled in its place."""
    peer: Peer
    http: httpx2.AsyncClient
    """The HTTP client of the peer."""

    async def all(self, callers: int) -> list[Run]:
        """Measure the three, alternately forwards and backwards."""
        runs = [self._api, self._dbos, self._directly]
        return [await one(callers) for one in (runs if self.bench.repeat % 2 else reversed(runs))]

    async def _api(self, callers: int) -> Run:
        bench_orders = await self._courses(callers)
        jobs = [partial(self.bench.workload.change, bench_order, DEARER.spec) for bench_order in bench_orders]
        return await run(self.bench.rig, API, "api", callers, self.bench.repeat, jobs)

    async def _directly(self, callers: int) -> Run:
        bench_orders = await self._courses(callers)
        return replace(await self.bench.run_direct(bench_orders, DEARER, callers), kind=DIRECT)

    async def _dbos(self, callers: int) -> Run:
        orders = await asyncio.to_thread(self.peer.sell, self.bench.counts[callers])
        jobs = [partial(self._change, order) for order in orders]
        await asyncio.sleep(REST_SECONDS)
        return await run(self.bench.rig, DBOS, "dbos", callers, self.bench.repeat, jobs)

    async def _change(self, order: str) -> None:
        answer = (await self.http.post("/changes", json=change_request(order))).json()
        if answer.get("state") != "done":
            raise AssertionError(f"{order}: {answer}")

    async def _courses(self, callers: int) -> Sequence[BenchOrder]:
        """Sell our orders with one line each, and prepare their changes."""
        bench_orders = await self.bench.create_orders(callers)
        await self.bench.prepare(bench_orders, ADD.spec)
        await run_concurrently(self.bench.workload.change(bench_order, ADD.spec) for bench_order in bench_orders)
        await self.bench.prepare(bench_orders, DEARER.spec)
        return bench_orders
