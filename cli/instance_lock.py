"""The lock of an `up` on its data folder, released when its process ends, with the addresses of its parts."""

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Instance:
    """The process and the addresses of an `up`."""

    process: int
    api: str
    web_ui: str
    temporal: str
    bank: str | None = None
    """The address of its demo bank; None if it runs without one."""


class RunsAlreadyError(Exception):
    """Another `up` uses this data folder."""

    def __init__(self, running: Instance | None) -> None:
        super().__init__("another `up` uses this data folder")
        self.running = running
        """None while the other `up` is still starting."""


@contextmanager
def lock_data(data: Path, api: str, web_ui: str, temporal: str, bank: str | None = None) -> Generator[None]:
    """Lock a data folder while the block lasts, and write our addresses to it. Raises RunsAlreadyError."""
    data.mkdir(parents=True, exist_ok=True)
    with _file(data).open("a+") as file:
        if not _try_lock(file, fcntl.LOCK_EX):
            raise RunsAlreadyError(_read(file))
        file.truncate(0)
        file.write(json.dumps(asdict(Instance(os.getpid(), api, web_ui, temporal, bank))))
        file.flush()
        # Closing the file releases the lock, however we end. Its content counts only while it is locked.
        yield


def find_running(data: Path) -> Instance | None:
    """Return the `up` that uses a data folder, if there is one."""
    try:
        with _file(data).open() as file:
            return None if _try_lock(file, fcntl.LOCK_SH) else _read(file)
    except OSError:
        return None


def check_not_running(data: Path) -> None:
    """Check that no `up` uses a data folder. Raises RunsAlreadyError."""
    other = find_running(data)
    if other:
        raise RunsAlreadyError(other)


def _file(data: Path) -> Path:
    return data / "up.json"


def _try_lock(file: IO[str], operation: int) -> bool:
    try:
        fcntl.flock(file, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: IO[str]) -> Instance | None:
    file.seek(0)
    text = file.read()
    return Instance(**json.loads(text)) if text else None
