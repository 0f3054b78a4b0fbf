"""Starts the emulator as a process and controls it; clients of the API need its `url` and an API key."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2

from store.database.store import utc_now
from telemetry.loopback import HOST, listening_socket

PATIENCE = timedelta(seconds=20)
ROOT = Path(__file__).parents[2]
API_KEY = "sk_test_changeover"
WEBHOOK_SECRET = "whsec_emulator"  # noqa: S105 - signs events of the emulator only
Object = dict[str, Any]


@dataclass(frozen=True)
class Emulator:
    """A running emulator. Its clock stands still; only `advance` and `reset` move it."""

    url: str
    client: httpx2.Client

    def run(self, command: str, **values: Any) -> Any:
        """Run a control command and return its answer; an unknown one is an error."""
        response = self.client.post(f"/_emulator/{command}", json=values)
        response.raise_for_status()
        return response.json()

    def reset(self, **settings: Any) -> None:
        """Begin anew at the present time, with settings of `emulator/settings.py`."""
        self.run("reset", **{"now": int(utc_now().timestamp()), **settings})

    def advance(self, seconds: int) -> None:
        """Move the clock; what is due by then happens."""
        self.run("clock", advance=seconds)

    @property
    def now(self) -> int:
        """The emulator's time in seconds since 1970."""
        return int(self.run("clock"))

    def fail(self, trouble: str, **where: Any) -> None:
        """Arm a fault of `emulator/faults.py`: by default for the next POST, before it is done."""
        self.run("fault", trouble=trouble, **where)

    def heal(self) -> None:
        """End all faults; what the account holds stays."""
        self.run("heal")

    def wait_until_held(self, count: int = 1) -> None:
        """Wait until so many requests are kept waiting by a `hold`."""
        until = utc_now() + PATIENCE
        while self.run("held") != count:
            if utc_now() > until:
                raise TimeoutError

    def release(self) -> None:
        """Let go on what a `hold` keeps waiting."""
        self.run("release")

    def book(self, kind: str, **account: str) -> list[Object]:
        """Return the objects of a kind as the account has them, oldest first."""
        return [each for each in self.run("book", **account) if each["object"] == kind]

    def requests(self, method: str = "POST") -> list[Object]:
        """Return the requests since the last reset: path, key, parameters and status, None where it was cut."""
        return [each for each in self.run("requests") if each["method"] == method]

    def deliver(self, **how: Any) -> list[Object]:
        """Post events to an endpoint, see `emulator/events.py`; return what it answered."""
        answers: list[Object] = self.run("deliver", **how)
        return answers


@contextmanager
def running_emulator() -> Iterator[Emulator]:
    """Run an emulator while the block lasts."""
    listening = listening_socket()
    listening.listen()
    port, descriptor = listening.getsockname()[1], listening.fileno()
    now = int(utc_now().timestamp())
    command = [sys.executable, "-m", "tests.stripe.emulator", "--listening", str(descriptor), "--now", str(now)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, pass_fds=[descriptor])  # noqa: S603 - our own module
    listening.close()
    try:
        with process, httpx2.Client(base_url=f"http://{HOST}:{port}", timeout=30) as client:
            yield Emulator(f"http://{HOST}:{port}", client)
    finally:
        process.terminate()
