"""A worker whose steps fail as a folder says: python -m cli.faults.worker FOLDER. For `demo` and tests only."""

import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

import worker
from cli.faults.injection import REFUSAL, Folder, Strike
from runtime.bootstrap import made_of
from runtime.settings import Settings

LOOK_SECONDS = 0.02


class _Faulty(Interceptor):
    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Step(next, self._folder)


class _Step(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, folder: Folder) -> None:
        super().__init__(inner)
        self._folder = folder

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        order, step = getattr(input.args[0], "order", "") if input.args else "", activity.info().activity_type
        self._before(order, step)
        result = await super().execute_activity(input)
        await self._after(order, step)
        return result

    def _before(self, order: str, step: str) -> None:
        if self._folder.strikes(order, step, Strike.BEFORE):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._folder.strikes(order, step, Strike.REFUSED):
            raise ApplicationError(REFUSAL.sentence, type=REFUSAL.code, non_retryable=True)
        if self._folder.strikes(order, step, Strike.BROKEN):
            raise ApplicationError("broken on purpose", type="ON_PURPOSE", non_retryable=True)
        if self._folder.strikes(order, step, Strike.DOWN):
            raise ApplicationError("down on purpose", type="ON_PURPOSE")

    async def _after(self, order: str, step: str) -> None:
        if self._folder.strikes(order, step, Strike.AFTER):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._folder.strikes(order, step, Strike.LOST):
            raise ApplicationError("done, and lost on purpose", type="ON_PURPOSE", non_retryable=True)
        if self._folder.strikes(order, step, Strike.HELD):
            while self._folder.holds(order, step, Strike.HELD):  # noqa: ASYNC110 - another process lets it go
                await asyncio.sleep(LOOK_SECONDS)


async def _work(folder: Folder) -> None:
    settings = Settings()
    client = await worker.connect(settings)
    made = made_of(settings)
    with ThreadPoolExecutor(settings.threads) as executor:
        (only,) = worker.workers(client, made, settings, executor, [_Faulty(folder)])
        await only.run()


if __name__ == "__main__":
    asyncio.run(_work(Folder(Path(sys.argv[1]))))
