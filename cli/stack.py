"""Everything on one machine: Temporal with its Web UI, the store, the worker and the API."""

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
from cli.processes import Child
from cli.temporal_server import server_command
from runtime.settings import Settings
from store.database.migrate import migrate
from telemetry.loopback import HOST, free_port
from temporal.names import ORDERS_QUEUE

START_SECONDS = 60.0
POLL_SECONDS = 0.1


class StackError(Exception):
    """A part did not come up; the text says which, and what it said last."""


@dataclass(frozen=True)
class Ports:
    """Where the parts listen, on loopback."""

    temporal: int
    web_ui: int
    api: int
    api_metrics: int = 0
    worker_metrics: int = 0
    temporal_metrics: int = 0

    @classmethod
    def free(cls) -> Self:
        """Return ports that nobody has."""
        return cls(temporal=free_port(), web_ui=free_port(), api=free_port())


ALONE = {
    "CHANGEOVER_KEY_PEPPER": "",
    "CHANGEOVER_TOKEN_ISSUER": "",
    "CHANGEOVER_TOKEN_KEYS": "",
    "CHANGEOVER_PRODUCTION": "false",
    "CHANGEOVER_API_HOST": HOST,
}
"""For a stack that nobody else is to reach: whatever guards yours, its own stories need no key."""


class Stack:
    """Starts the parts in order, watches them, and ends them in reverse."""

    def __init__(
        self,
        data: Path,
        ports: Ports,
        database: str | None = None,
        *,
        in_memory: bool = False,
        more: Mapping[str, str] | None = None,
        worker: Sequence[str] = ("cli", "worker"),
        step: Callable[[str], AbstractContextManager[None]] = lambda _part: nullcontext(),
    ) -> None:
        self.data = data
        self.ports = ports
        self.database = database or f"sqlite:///{data / 'changeover.db'}"
        self._step = step
        self._logs = data / "logs"
        kept = None if in_memory else data / "temporal.db"
        environment = {
            "CHANGEOVER_DATABASE": self.database,
            "CHANGEOVER_API_PORT": str(ports.api),
            "CHANGEOVER_API_METRICS_PORT": str(ports.api_metrics),
            "CHANGEOVER_WORKER_METRICS_PORT": str(ports.worker_metrics),
            "CHANGEOVER_WEB_UI": self.web_ui,
            "TEMPORAL_ADDRESS": self.temporal,
            # A profile of yours may name another server, with TLS; this is ours.
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "TEMPORAL_NAMESPACE": "default",
            **(more or {}),
        }
        us = [sys.executable, "-m"]
        server = server_command(ports.temporal, ports.web_ui, kept, metrics_port=ports.temporal_metrics)
        self.server = Child("temporal", server, self._log("temporal"))
        self.worker = Child("worker", [*us, *worker], self._log("worker"), environment)
        self.server_api = Child("api", [*us, "cli", "api"], self._log("api"), environment)

    @property
    def api(self) -> str:
        """The API's address."""
        return f"http://{HOST}:{self.ports.api}"

    @property
    def web_ui(self) -> str:
        """The Web UI's address."""
        return f"http://{HOST}:{self.ports.web_ui}"

    @property
    def temporal(self) -> str:
        """Temporal's address."""
        return f"{HOST}:{self.ports.temporal}"

    @property
    def children(self) -> tuple[Child, ...]:
        """Every process, in the order they are started."""
        return (self.server, self.worker, self.server_api)

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def __enter__(self) -> Self:
        """Bring everything up; StackError when a part does not come."""
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            self.server.start()
            with self._step("store, with the demo catalogue"):
                migrate(self.database)
                catalogue.load(Settings(database=self.database))
            with self._step("Temporal, with its Web UI"):
                asyncio.run(self._temporal_is_up())
            self.worker.start()
            self.server_api.start()
            with self._step("worker"):
                asyncio.run(self._worker_is_up())
            with self._step("API"):
                self._api_is_up()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End everything, the API first."""
        for child in reversed(self.children):
            child.stop()

    async def _temporal_is_up(self) -> None:
        await self._until(self.server, self._connected)

    async def _worker_is_up(self) -> None:
        await self._until(self.worker, self._polled)

    async def _until(self, child: Child, condition: Callable[[], Awaitable[bool]]) -> None:
        give_up = time.monotonic() + START_SECONDS
        while not await condition():
            _check(child, give_up)
            await asyncio.sleep(POLL_SECONDS)

    async def _connected(self) -> bool:
        try:
            await Client.connect(self.temporal)
        except RuntimeError:
            return False
        return True

    async def _polled(self) -> bool:
        """Whether a worker asks for work: until then a request would only wait."""
        client = await Client.connect(self.temporal)
        request = DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=ORDERS_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        try:
            found = await client.workflow_service.describe_task_queue(request)
        except RPCError:
            return False
        return bool(found.pollers)

    def _api_is_up(self) -> None:
        give_up = time.monotonic() + START_SECONDS
        while True:
            try:
                if httpx2.get(f"{self.api}/ready", timeout=5).status_code == httpx2.codes.OK:
                    return
            except httpx2.TransportError:
                pass
            _check(self.server_api, give_up)
            time.sleep(POLL_SECONDS)


def _check(child: Child, give_up: float) -> None:
    if child.ended:
        raise StackError(f"{child.name} ended while starting. It said:\n{child.tail()}")
    if time.monotonic() > give_up:
        raise StackError(f"{child.name} did not come up in {START_SECONDS:.0f} seconds. It said:\n{child.tail()}")
