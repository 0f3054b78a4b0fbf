"""How a step under way is let finish when its workflow is cancelled.

By default a cancelled workflow moves on while the effect still lands; measured, that leaked seats
and money. So the step is awaited to its true outcome first, also when cancelled twice.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

R = TypeVar("R")


async def finish_then_cancel(step: Awaitable[R]) -> R:
    """Await a step's true outcome; a cancel that came meanwhile is raised afterwards."""
    result, cancelled = await _outlast(step)
    if cancelled:
        raise asyncio.CancelledError
    return result


async def ignore_cancellation(step: Awaitable[R]) -> R:
    """Await what must be finished however often the workflow is cancelled."""
    result, _ = await _outlast(step)
    return result


async def _outlast(step: Awaitable[R]) -> tuple[R, bool]:
    task = asyncio.ensure_future(step)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            cancelled = True
        except Exception:  # noqa: BLE001 - raised again by result() below
            break
    return task.result(), cancelled
