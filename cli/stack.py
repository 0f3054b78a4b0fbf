"""A whole installation on one machine: Temporal with its Web UI, the database, a worker, the API and a demo bank."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from cli import catalogue
from cli.demo_bank import DemoBank
from cli.processes import Child
from cli.temporal_server import server_command
from runtime.settings import Settings
from store.database.migrate import migrate
from telemetry.loopback import HOST, free_ports
from temporal.names import ORDERS_QUEUE

START_SECONDS = 60.0
POLL_SECONDS = 0.1
TEMPORAL_DATABASE = "temporal.db"
"""The file of Temporal's database in the data folder."""


class StackError(Exception):
    """A part did not start; the text names it and holds the last lines of its log."""


@dataclass(frozen=True)
class Ports:
    """The ports of all parts, on loopback; 0 means no metrics port."""

    temporal: int
    web_ui: int
    api: int
    api_metrics: int = 0
    worker_metrics: int = 0
    temporal_metrics: int = 0

    @classmethod
    def free(cls) -> Self:
        """Return free ports."""
        temporal, web_ui, api = free_ports(3)
        return cls(temporal=temporal, web_ui=web_ui, api=api)


LOCAL_ONLY = {
    "CHANGEOVER_KEY_PEPPER": "",
    "CHANGEOVER_TOKEN_ISSUER": "",
    "CHANGEOVER_TOKEN_KEYS": "",
    "CHANGEOVER_PRODUCTION": "false",
    "CHANGEOVER_API_HOST": HOST,
}
"""Settings of a stack on loopback without authentication, whatever the environment sets for your installation."""


class Stack:
    """Starts all parts in order, and ends them in reverse order."""

    def __init__(
        self,
        data: Path,
        ports: Ports,
        database: str | None = None,
        *,
        in_memory: bool = False,
        with_bank: bool = False,
        more: Mapping[str, str] | None = None,
        worker: Sequence[str] = ("cli", "worker"),
        step: Callable[[str], AbstractContextManager[None]] = lambda _part: nullcontext(),
    ) -> None:
        self.data = data
        self.ports = ports
        self.database = database or f"sqlite:///{data / 'changeover.db'}"
        self._step = step
        self._logs = data / "logs"
        self.bank = DemoBank(data, self._log("bank")) if with_bank else None
        temporal_database = None if in_memory else data / TEMPORAL_DATABASE
        environment = {
            "CHANGEOVER_DATABASE": self.database,
            "CHANGEOVER_API_PORT": str(ports.api),
            "CHANGEOVER_API_METRICS_PORT": str(ports.api_metrics),
            "CHANGEOVER_WORKER_METRICS_PORT": str(ports.worker_metrics),
            "CHANGEOVER_WEB_UI": self.web_ui,
            "TEMPORAL_ADDRESS": self.temporal,
            # A Temporal profile of the user may name another server with TLS; ignore it.
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "TEMPORAL_NAMESPACE": "default",
            **(self.bank.environment if self.bank else {}),
            **(more or {}),
        }
        python = [sys.executable, "-m"]
        server = server_command(ports.temporal, ports.web_ui, temporal_database, metrics_port=ports.temporal_metrics)
        self.server = Child("temporal", server, self._log("temporal"))
        self.worker = Child("worker", [*python, *worker], self._log("worker"), environment)
        self.server_api = Child("api", [*python, "cli", "api"], self._log("api"), environment)

    @property
    def api(self) -> str:
        """The API's URL."""
        return f"http://{HOST}:{self.ports.api}"

    @property
    def web_ui(self) -> str:
        """The Web UI's URL."""
        return f"http://{HOST}:{self.ports.web_ui}"

    @property
    def temporal(self) -> str:
        """Temporal's address, host:port."""
        return f"{HOST}:{self.ports.temporal}"

    @property
    def children(self) -> tuple[Child, ...]:
        """All processes, in the order in which they start."""
        return (*((self.bank.process,) if self.bank else ()), self.server, self.worker, self.server_api)

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def __enter__(self) -> Self:
        """Start everything. Raises StackError when a part does not start within 60 seconds."""
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            if self.bank:
                self.bank.start()
            self.server.start()
            with self._step("database, with the demo catalogue"):
                migrate(self.database)
                catalogue.load(Settings(database=self.database))
            with self._step("Temporal, with its Web UI"):
                asyncio.run(self._wait_for_temporal())
            self.worker.start()
            self.server_api.start()
            with self._step("worker"):
                asyncio.run(self._wait_for_worker())
            with self._step("API"):
                self._wait_until(self.server_api, f"{self.api}/ready")
            if self.bank:
                with self._step("demo bank, a process with its own book"):
                    self._wait_until(self.bank.process, self.bank.ready)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop everything, the API first."""
        for child in reversed(self.children):
            child.stop()
        if self.bank:
            self.bank.close()

    async def _wait_for_temporal(self) -> None:
        await self._until(self.server, self._can_connect)

    async def _wait_for_worker(self) -> None:
        await self._until(self.worker, self._has_poller)

    async def _until(self, child: Child, condition: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not await condition():
            _check(child, deadline)
            await asyncio.sleep(POLL_SECONDS)

    async def _can_connect(self) -> bool:
        try:
            await Client.connect(self.temporal)
        except RuntimeError:
            return False
        return True

    async def _has_poller(self) -> bool:
        """Whether a worker polls the queue of orders: until then a request would only wait."""
        client = await Client.connect(self.temporal)
        request = DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=ORDERS_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        try:
            queue = await client.workflow_service.describe_task_queue(request)
        except RPCError:
            return False
        return bool(queue.pollers)

    def _wait_until(self, child: Child, address: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if httpx2.get(address, timeout=5).status_code == httpx2.codes.OK:
                    return
            except httpx2.TransportError:
                pass
            _check(child, deadline)
            time.sleep(POLL_SECONDS)


def _check(child: Child, deadline: float) -> None:
    if child.ended:
        raise StackError(f"{child.name} ended while starting. Its log ends with:\n{child.tail()}")
    if time.monotonic() > deadline:
        raise StackError(
            f"{child.name} did not start within {START_SECONDS:.0f} seconds. Its log ends with:\n{child.tail()}"
        )
