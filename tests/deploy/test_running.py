"""The processes of deploy/compose.yml, started without containers and configured by environment only."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from cli.demo.stories import CARD, TWO, add, named
from cli.http_clients.native import NativeClient
from cli.processes import Child
from examples.fake_systems.server import FakeSystems, serving
from runtime import heartbeat
from telemetry.loopback import HOST, free_port
from tests.guarantees.test_kill import send_change, train, wait_until
from tests.support.commands import COMMAND, ROOT, run
from tests.support.postgres import new_database
from tests.support.watched_bank import WatchedBank

SHUTDOWN = 25


@dataclass
class Deployed:
    """A migrated database, a prepared namespace, and processes configured for them by their environment."""

    folder: Path
    environment: dict[str, str]
    bank: WatchedBank
    stack: ExitStack

    def start(self, name: str, *command: str) -> Child:
        """Start one of our processes; it is stopped at the end of the test."""
        heartbeat_file = self.folder / name
        child = Child(
            name,
            [*COMMAND, *command],
            self.folder / f"{name}.log",
            self.environment | {_HEARTBEAT: str(heartbeat_file)},
        )
        child.start()
        self.stack.callback(child.stop)
        return child

    @property
    def api(self) -> str:
        """The URL of the API."""
        return f"http://{HOST}:{self.environment['CHANGEOVER_API_PORT']}"

    def api_is_ready(self) -> bool:
        """Check readiness as the compose file does."""
        try:
            return httpx2.get(f"{self.api}/ready", timeout=5).status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    def worker_is_ready(self, name: str) -> bool:
        """Check readiness as the compose file does."""
        command = [sys.executable, "-m", "runtime.heartbeat", str(self.folder / name)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0  # noqa: S603 - ours


_HEARTBEAT = "CHANGEOVER_HEARTBEAT"


@pytest.fixture
def deployed(postgres_url: str, temporal: str, tmp_path: Path) -> Iterator[Deployed]:
    bank = WatchedBank()
    with ExitStack() as stack:
        environment = {
            "CHANGEOVER_DATABASE": new_database(postgres_url, "deployed"),
            "CHANGEOVER_API_PORT": str(free_port()),
            "CHANGEOVER_SHUTDOWN_SECONDS": str(SHUTDOWN),
            "CHANGEOVER_PAYMENTS": "examples.providers.bank_payments:BankPayments",
            "BANK_URL": stack.enter_context(serving(FakeSystems(bank=bank))),
            "BANK_SECRET": "pretend",
            "TEMPORAL_ADDRESS": temporal,
            "TEMPORAL_NAMESPACE": "deployed",
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # noqa: TID251 - a child inherits it
        }
        for _ in range(2):  # a job may run again
            assert run("migrate", environment=environment).returncode == 0
            done = subprocess.run(  # noqa: S603 - our own script
                [shutil.which("sh") or "sh", str(ROOT / "deploy" / "temporal" / "prepare.sh")],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        assert run("catalogue", environment=environment).returncode == 0
        yield Deployed(tmp_path, environment, bank, stack)


@pytest.mark.faults
def test_a_stopped_worker_finishes_its_step_and_another_worker_continues(deployed: Deployed) -> None:
    assert not deployed.worker_is_ready("first")
    first, api = deployed.start("first", "worker"), deployed.start("api", "api")
    wait_until(deployed.api_is_ready)
    wait_until(lambda: deployed.worker_is_ready("first"))

    reached, go_on = threading.Event(), threading.Event()

    def wait(call: str) -> None:
        if call.startswith("authorise"):
            reached.set()
            go_on.wait(SHUTDOWN)

    deployed.bank.before_answer = wait
    client = NativeClient(deployed.api)
    deployed.stack.callback(client.close)
    order = client.order("NOK", "deployed")
    bundle = client.offer("standard", TWO, service=train("4711", 0))
    body = {"operations": [add(bundle, named(TWO))], "confirm": True, "payment": CARD}
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(send_change, client, order, body)
        assert reached.wait(30)
        assert first.process is not None
        first.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not (deployed.folder / "first").exists())  # no longer ready, and still running its step
        assert first.process.poll() is None
        go_on.set()
        assert first.process.wait(SHUTDOWN) == 0, first.tail()
        second = deployed.start("second", "worker")
        assert request.result(60)["state"] == "done"
    assert len([call for call in deployed.bank.calls if call.startswith("authorise")]) == 1
    for child in (api, second):
        assert child.process is not None
        child.process.send_signal(signal.SIGTERM)
        assert child.process.wait(SHUTDOWN) == 0, child.tail()


async def test_a_worker_reports_what_does_not_answer(tmp_path: Path) -> None:
    path, calls = tmp_path / "worker", []

    async def good() -> None:
        calls.append("checked")

    async def bad() -> None:
        raise ConnectionError

    writing = asyncio.create_task(heartbeat.write_heartbeat(path, {"the store": good, "Temporal": bad}))
    while not path.exists():  # noqa: ASYNC110 - only the file shows it
        await asyncio.sleep(0.01)
    assert heartbeat.read_heartbeat(path) == "Temporal does not answer"
    os.utime(path, (0, 0))
    assert heartbeat.read_heartbeat(path) == "the worker has stopped writing"
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert heartbeat.read_heartbeat(path) == "no worker writes this file"
    assert calls == ["checked"]
