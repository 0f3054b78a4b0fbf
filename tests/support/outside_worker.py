"""A worker process whose providers may be outside: python -m tests.support.outside_worker FOLDER [seats] [bank].

Faults are armed by files in the folder (cli/faults/injection.py). A file `confirm-gone` makes the inventory say that
held seats are gone; with `confirm-late` it confirms them only after some seconds.
"""

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import worker
from activities.support import final_attempts
from cli.faults.injection import Folder
from cli.faults.injector import Faults
from providers.errors import HoldIsGoneError
from runtime.bootstrap import build_components
from runtime.settings import Settings
from runtime.temporal_client import connect
from tests.support.outside import Interference, WatchedInventory, WatchedPayments
from workflows.saga import step_runner

GONE, LATE = "confirm-gone", "confirm-late"
LATE_SECONDS = 10
PATIENCE = timedelta(seconds=1)
"""How long a step fails before it is stuck, and an unanswered call may take effect: short, for tests."""


async def _work(folder: Path, outside: list[str]) -> None:
    step_runner.ATTENTION_AFTER = final_attempts.LATE_ANSWER = PATIENCE

    def before_confirm() -> None:
        if (folder / GONE).exists():
            raise HoldIsGoneError
        if (folder / LATE).exists():
            time.sleep(LATE_SECONDS)

    settings = Settings()
    client, components = await connect(settings), build_components(settings)
    by_seats = Interference(before={"confirm": before_confirm})
    components = replace(
        components,
        inventory=WatchedInventory(components.store, by_seats, external="seats" in outside),
        payments=WatchedPayments(components.store, Interference(), external="bank" in outside),
    )
    with ThreadPoolExecutor(settings.threads) as executor:
        async with AsyncExitStack() as stack:
            for each in worker.workers(client, components, settings, executor, [Faults(Folder(folder))]):
                await stack.enter_async_context(each)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_work(Path(sys.argv[1]), sys.argv[2:]))
