"""What deploy/compose.yml starts, started without containers: real processes, by environment only."""

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
from examples.fake_systems.server import Outside, serving
from runtime import heartbeat
from telemetry.loopback import HOST, free_port
from tests.guarantees.test_kill import ask, train, until
from tests.support.commands import COMMAND, ROOT, run
from tests.support.postgres import new_database
from tests.support.watched_bank import WatchedBank

SHUTDOWN = 25


@dataclass
class Deployed:
    """A migrated database, a prepared namespace, and processes that know them by their environment."""

    folder: Path
    environment: dict[str, str]
    bank: WatchedBank
    stack: ExitStack

    def start(self, name: str, *command: str) -> Child:
        """Start one of our processes, to be ended with the test."""
        sign = self.folder / name
        child = Child(name, [*COMMAND, *command], self.folder / f"{name}.log", self.environment | {_SIGN: str(sign)})
        child.start()
        self.stack.callback(child.stop)
        return child

    @property
    def api(self) -> str:
        """Where the API is."""
        return f"http://{HOST}:{self.environment['CHANGEOVER_API_PORT']}"

    def api_is_ready(self) -> bool:
        """Ask as compose does."""
        try:
            return httpx2.get(f"{self.api}/ready", timeout=5).status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    def worker_is_ready(self, name: str) -> bool:
        """Ask as compose does."""
        command = [sys.executable, "-m", "runtime.heartbeat", str(self.folder / name)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0  # noqa: S603 - ours


_SIGN = "CHANGEOVER_HEARTBEAT"


@pytest.fixture
def deployed(postgres_url: str, temporal: str, tmp_path: Path) -> Iterator[Deployed]:
    bank = WatchedBank()
    with ExitStack() as stack:
        environment = {
            "CHANGEOVER_DATABASE": new_database(postgres_url, "deployed"),
            "CHANGEOVER_API_PORT": str(free_port()),
            "CHANGEOVER_SHUTDOWN_SECONDS": str(SHUTDOWN),
            "CHANGEOVER_PAYMENTS": "examples.providers.bank_payments:BankPayments",
            "BANK_URL": stack.enter_context(serving(Outside(bank=bank))),
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
    until(deployed.api_is_ready)
    until(lambda: deployed.worker_is_ready("first"))

    reached, go_on = threading.Event(), threading.Event()

    def wait(what: str) -> None:
        if what.startswith("authorise"):
            reached.set()
            go_on.wait(SHUTDOWN)

    deployed.bank.before_answer = wait
    shop = NativeClient(deployed.api)
    deployed.stack.callback(shop.close)
    order = shop.order("NOK", "deployed")
    bundle = shop.offer("standard", TWO, service=train("4711", 0))
    wanted = {"operations": [add(bundle, named(TWO))], "confirm": True, "payment": CARD}
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, shop, order, wanted)
        assert reached.wait(30)
        assert first.process is not None
        first.process.send_signal(signal.SIGTERM)
        until(lambda: not (deployed.folder / "first").exists())  # ready no more, and still at its step
        assert first.process.poll() is None
        go_on.set()
        assert first.process.wait(SHUTDOWN) == 0, first.tail()
        second = deployed.start("second", "worker")
        assert asked.result(60)["state"] == "done"
    assert len([call for call in deployed.bank.calls if call.startswith("authorise")]) == 1
    for child in (api, second):
        assert child.process is not None
        child.process.send_signal(signal.SIGTERM)
        assert child.process.wait(SHUTDOWN) == 0, child.tail()


async def test_a_worker_reports_what_does_not_answer(tmp_path: Path) -> None:
    path, calls = tmp_path / "worker", []

    async def good() -> None:
        calls.append("asked")

    async def bad() -> None:
        raise ConnectionError

    beating = asyncio.create_task(heartbeat.write_heartbeat(path, {"the store": good, "Temporal": bad}))
    while not path.exists():  # noqa: ASYNC110 - only the file tells
        await asyncio.sleep(0.01)
    assert heartbeat.read_heartbeat(path) == "Temporal does not answer"
    os.utime(path, (0, 0))
    assert heartbeat.read_heartbeat(path) == "the worker has stopped writing"
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    assert heartbeat.read_heartbeat(path) == "no worker writes this file"
    assert calls == ["asked"]
