"""A worker with the faults armed in a folder: python -m cli.faults.worker FOLDER. For `demo` and tests only."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import worker
from cli.faults.injection import Folder
from cli.faults.injector import Faults
from runtime.bootstrap import build_components
from runtime.settings import Settings
from runtime.temporal_client import connect


async def _work(folder: Folder) -> None:
    settings = Settings()
    client = await connect(settings)
    components = build_components(settings)
    with ThreadPoolExecutor(settings.threads) as executor:
        running = worker.workers(client, components, settings, executor, [Faults(folder)])
        await asyncio.gather(*(each.run() for each in running))


if __name__ == "__main__":
    asyncio.run(_work(Folder(Path(sys.argv[1]))))
