"""A worker's heartbeat: a file it writes every few seconds.

`python -m runtime.heartbeat FILE` says whether the worker is ready. Orchestrators ask often, so it imports nothing of
ours.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

BEAT_SECONDS = 5
CHECK_SECONDS = 4
STALE_SECONDS = 30
READY = "ready"

HealthCheck = Callable[[], Awaitable[object]]


async def write_heartbeat(path: Path, needs: Mapping[str, HealthCheck]) -> None:
    """Write again and again whether everything a worker needs answers, until cancelled; then leave no file."""
    try:
        while True:
            said = [f"{name} does not answer" for name, check in needs.items() if not await _answers(check)]
            _write(path, "; ".join(said) or READY)
            await asyncio.sleep(BEAT_SECONDS)
    finally:
        _remove(path)


def _write(path: Path, said: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(said)
    fresh.replace(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _answers(check: HealthCheck) -> bool:
    try:
        await asyncio.wait_for(check(), CHECK_SECONDS)
    except Exception:  # noqa: BLE001 - whatever it is, it does not answer
        return False
    return True


def read_heartbeat(path: Path) -> str:
    """Return "ready", or what is wrong with the worker that writes this file."""
    try:
        # The file system's clock, on the machine that wrote it.
        age = time.time() - path.stat().st_mtime  # noqa: TID251 - nothing that expires is decided here
        said = path.read_text()
    except OSError:
        return "no worker writes this file"
    return said if age < STALE_SECONDS else "the worker has stopped writing"


if __name__ == "__main__":
    found = read_heartbeat(Path(sys.argv[1]))
    sys.stdout.write(f"{found}\n")
    sys.exit(found != READY)
