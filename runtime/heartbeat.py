"""A worker's heartbeat: a file that it writes every few seconds.

`python -m runtime.heartbeat FILE` reports whether the worker is ready. Orchestrators run it often, so this module
imports nothing of ours.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

WRITE_SECONDS = 5
CHECK_SECONDS = 4
STALE_SECONDS = 30
READY = "ready"

HealthCheck = Callable[[], Awaitable[object]]


async def write_heartbeat(path: Path, needs: Mapping[str, HealthCheck]) -> None:
    """Write every five seconds whether all systems that the worker needs answer. Remove the file when cancelled."""
    try:
        while True:
            problems = [f"{name} does not answer" for name, check in needs.items() if not await _answers(check)]
            _write(path, "; ".join(problems) or READY)
            await asyncio.sleep(WRITE_SECONDS)
    finally:
        _remove(path)


def _write(path: Path, status: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(status)
    fresh.replace(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _answers(check: HealthCheck) -> bool:
    try:
        await asyncio.wait_for(check(), CHECK_SECONDS)
    except Exception:  # noqa: BLE001 - any error means that the system does not answer
        return False
    return True


def read_heartbeat(path: Path) -> str:
    """Return "ready", or what is wrong with the worker that writes this file."""
    try:
        # The file's time comes from the same machine's clock.
        age = time.time() - path.stat().st_mtime  # noqa: TID251 - decides no expiry of an order
        status = path.read_text()
    except OSError:
        return "no worker writes this file"
    return status if age < STALE_SECONDS else "the worker has stopped writing"


if __name__ == "__main__":
    status = read_heartbeat(Path(sys.argv[1]))
    sys.stdout.write(f"{status}\n")
    sys.exit(status != READY)
