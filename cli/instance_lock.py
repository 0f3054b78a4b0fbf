"""Which `up` has a data folder: a lock that goes with its process, and where its parts are."""

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
    """Where the parts of an `up` are."""

    process: int
    api: str
    web_ui: str
    temporal: str


class RunsAlreadyError(Exception):
    """Another `up` has this data."""

    def __init__(self, running: Instance | None) -> None:
        super().__init__("another `up` has this data")
        self.running = running
        """None while the other one is still starting."""


@contextmanager
def held(data: Path, api: str, web_ui: str, temporal: str) -> Generator[None]:
    """Have a data folder to ourselves, and say where we are. Raises RunsAlreadyError."""
    data.mkdir(parents=True, exist_ok=True)
    with _file(data).open("a+") as file:
        if not _locked(file, fcntl.LOCK_EX):
            raise RunsAlreadyError(_read(file))
        file.truncate(0)
        file.write(json.dumps(asdict(Instance(os.getpid(), api, web_ui, temporal))))
        file.flush()
        # Closing the file gives the lock back, however we end. What it says counts only while it is locked.
        yield


def running(data: Path) -> Instance | None:
    """Return where the `up` of a data folder is, if there is one."""
    try:
        with _file(data).open() as file:
            return None if _locked(file, fcntl.LOCK_SH) else _read(file)
    except OSError:
        return None


def alone(data: Path) -> None:
    """See that no `up` has a data folder. Raises RunsAlreadyError."""
    other = running(data)
    if other:
        raise RunsAlreadyError(other)


def _file(data: Path) -> Path:
    return data / "up.json"


def _locked(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: IO[str]) -> Instance | None:
    file.seek(0)
    text = file.read()
    return Instance(**json.loads(text)) if text else None
