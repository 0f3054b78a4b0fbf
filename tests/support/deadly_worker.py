"""A worker process that kills itself at the moment a file names: python -m tests.support.deadly_worker FOLDER

A file `{order}.{step}.before` or `.after` is a kill -9 before or after what the step does, `.refused` a refusal. It
is renamed as it strikes: once, and so that one can see that it did.
"""

import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

import worker
from settings import Settings
from tests.support.faults import INJECTED_REFUSAL


class Strike(StrEnum):
    """What happens to a step, and when."""

    BEFORE = "before"
    AFTER = "after"
    REFUSED = "refused"


class Folder:
    """The files that say what shall strike."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def arm(self, order: str, step: str, strike: Strike) -> None:
        """Let it strike, once."""
        self._file(order, step, strike).touch()

    def struck(self, order: str, step: str, strike: Strike) -> bool:
        """Whether it has struck."""
        return self._file(order, step, strike).with_suffix(".struck").exists()

    def strikes(self, order: str, step: str, strike: Strike) -> bool:
        """Strike if armed."""
        armed = self._file(order, step, strike)
        try:
            armed.rename(armed.with_suffix(".struck"))
        except FileNotFoundError:
            return False
        return True

    def _file(self, order: str, step: str, strike: Strike) -> Path:
        return self._path / f"{order}.{step}-{strike}.armed"


class _Deadly(Interceptor):
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
        if self._folder.strikes(order, step, Strike.REFUSED):
            raise ApplicationError("injected", type=INJECTED_REFUSAL.code, non_retryable=True)
        if self._folder.strikes(order, step, Strike.BEFORE):
            os.kill(os.getpid(), signal.SIGKILL)
        result = await super().execute_activity(input)
        if self._folder.strikes(order, step, Strike.AFTER):
            os.kill(os.getpid(), signal.SIGKILL)
        return result


async def _work(folder: Folder) -> None:
    settings = Settings()
    client = await worker.connect(settings)
    made = worker.parts(settings)
    with ThreadPoolExecutor(settings.threads) as executor:
        (only,) = worker.workers(client, made, settings, executor, [_Deadly(folder)])
        await only.run()


if __name__ == "__main__":
    asyncio.run(_work(Folder(Path(sys.argv[1]))))
