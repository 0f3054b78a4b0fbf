"""Runs the DBOS app on a database of its own and asks it."""

import sys
import time
import uuid
from pathlib import Path

import httpx2
import psycopg

from bench.peers import tables
from bench.peers.once import Json
from bench.peers.tables import Tx
from cli.processes import Child
from telemetry.loopback import HOST, free_port

_START_SECONDS = 60.0


class Peer:
    """The app's process and its database."""

    def __init__(self, database: str, data: Path) -> None:
        self.database = database
        self._port = free_port()
        environment = {"PEERS_DATABASE": database, "PEERS_PORT": str(self._port)}
        self.app = Child("dbos", [sys.executable, "-m", "bench.peers.app"], data / "dbos.log", environment)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._port}"

    def prepare(self) -> None:
        """Make the tables."""
        with self.connect() as tx:
            tables.create(tx)

    def connect(self) -> Tx:
        """Return a connection to its database; what is done in its block commits together."""
        return psycopg.connect(self.database)

    def start(self) -> None:
        """Start the app and wait until it answers."""
        self.app.start()
        give_up = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self.app.ended or time.monotonic() > give_up:
                raise RuntimeError(f"the DBOS app did not come up. It said:\n{self.app.tail()}")
            time.sleep(0.1)

    def sell(self, count: int) -> list[str]:
        """Sell so many orders, to be changed."""
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


def request(order: str, token: str = tables.OK) -> Json:
    """Return the request to change an order; its id names the order, so that it is known afterwards."""
    return {"id": f"{order}/change", "order": order, "offer_bundle_id": tables.bundle_for(order), "token": token}
