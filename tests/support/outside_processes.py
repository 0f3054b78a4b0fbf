"""The fake bank and railway as processes, each with its book in a file, which a test kills and restores."""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

from cli.processes import Child
from telemetry.loopback import HOST, listening_socket

START_SECONDS = 60


class OutsideProcess:
    """A fake system as a process with a book, on a free port that stays ours while it is restarted."""

    def __init__(self, name: str, folder: Path, ready: str, **options: int) -> None:
        # Listening from now on: what calls it while it starts waits for it.
        self._listening = listening_socket()
        self._listening.listen()
        self.book = folder / f"{name}.db"
        self.url = f"http://{HOST}:{self._listening.getsockname()[1]}"
        self._ready, self._options, self._copies = ready, options, 0
        number = self._listening.fileno()
        module = f"examples.fake_systems.{name}_server"
        self._command = [sys.executable, "-m", module, "--book", str(self.book), "--listening", str(number)]
        self.child = Child(name, self._command, folder / f"{name}.log", inherits=(number,))

    def start(self, **options: int) -> None:
        """Start it and wait until it answers; `options` are other ones than usual, until it ends."""
        named: Mapping[str, int] = {**self._options, **options}
        self.child.command = [*self._command, *(f"--{name.replace('_', '-')}={n}" for name, n in named.items())]
        self.child.start()
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            assert not self.child.ended, self.child.tail()
            try:
                httpx2.get(f"{self.url}{self._ready}", timeout=5).raise_for_status()
            except httpx2.TransportError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError(self.child.tail())

    def restart(self, **options: int) -> None:
        """Kill it with kill -9, and start it with these options."""
        self.child.kill()
        self.start(**options)

    def back_up(self) -> Path:
        """Kill it, copy its book, and start it again; return the copy."""
        self.child.kill()
        copy = self._copy()
        self.start()
        return copy

    def restore(self, backup: Path) -> Path:
        """Kill it, put a copy in the place of its book, and start it again; return a copy of what the book was."""
        self.child.kill()
        replaced = self._copy()
        _copy_book(backup, self.book)
        self.start()
        return replaced

    def _copy(self) -> Path:
        self._copies += 1
        copy = self.book.with_suffix(f".copy{self._copies}")
        _copy_book(self.book, copy)
        return copy

    def stop(self) -> None:
        """End it, and let go of its port."""
        self.child.kill()
        self._listening.close()


def _copy_book(book: Path, to: Path) -> None:
    """Copy a book of which no process has the file open, with what is not yet in its main file."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{to}{suffix}").unlink(missing_ok=True)
        if Path(f"{book}{suffix}").exists():
            shutil.copy(f"{book}{suffix}", f"{to}{suffix}")


@contextmanager
def running_process(process: OutsideProcess) -> Iterator[OutsideProcess]:
    """Run a process while the block lasts."""
    process.start()
    try:
        yield process
    finally:
        process.stop()


def bank_process(folder: Path, **options: int) -> OutsideProcess:
    """Return the fake bank."""
    return OutsideProcess("bank", folder, "/merchants/default/movements", **options)


def railway_process(folder: Path, **options: int) -> OutsideProcess:
    """Return the fake railway."""
    return OutsideProcess("railway", folder, "/tenants/default/bookings", **options)
