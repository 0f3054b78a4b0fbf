"""The demo bank: a process of its own with its own book, as a bank is a system of its own in real life."""

import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from cli.processes import Child
from examples.providers.bank_payments import BankPayments, BankSettings
from telemetry.loopback import HOST, listening_socket

BOOK = "bank.db"
"""The file of its book in the data folder."""
PROVIDER = "examples.providers.bank_payments:BankPayments"
_SECRET = "demo"  # noqa: S105 - the bank does not read it


class DemoBank:
    """The process of the demo bank, on a free port that stays ours while it is restarted."""

    def __init__(self, data: Path, log: Path, name: str = "bank") -> None:
        # Listening from now on: what calls the bank while it starts waits for it.
        self._listening = listening_socket()
        self._listening.listen()
        self._book = data / BOOK
        number = self._listening.fileno()
        command = [sys.executable, "-m", "examples.fake_systems.bank_server"]
        command += ["--book", str(self._book), "--listening", str(number)]
        self.process = Child(name, command, log, inherits=(number,))

    def start(self) -> None:
        """Start it. From now on the data folder has a book, also if this process ends at once."""
        self._book.touch()
        self.process.start()

    @property
    def address(self) -> str:
        """Its URL."""
        return f"http://{HOST}:{self._listening.getsockname()[1]}"

    @property
    def ready(self) -> str:
        """A URL that it answers as soon as it serves."""
        return f"{self.address}/merchants/default/movements"

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings with which worker and API use it."""
        return {"CHANGEOVER_PAYMENTS": PROVIDER, "BANK_URL": self.address, "BANK_SECRET": _SECRET}

    def close(self) -> None:
        """Let go of the port; the process has ended."""
        self._listening.close()


def connect(address: str) -> BankPayments:
    """Return the provider that calls the demo bank at an address."""
    return BankPayments(BankSettings(url=address, secret=SecretStr(_SECRET)))
