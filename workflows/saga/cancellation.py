"""Lets a running step finish when its workflow is cancelled.

By default a cancelled workflow continues at once while the running step still takes effect; measured, that leaked
seats and money. So the workflow first awaits the step's true outcome, also when it is cancelled twice.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

R = TypeVar("R")


async def finish_then_cancel(step: Awaitable[R]) -> R:
    """Await a step's true outcome. Raises CancelledError afterwards if the workflow was cancelled meanwhile."""
    result, cancelled = await await_outcome(step)
    if cancelled:
        raise asyncio.CancelledError
    return result


async def ignore_cancellation(step: Awaitable[R]) -> R:
    """Await a step that must finish, however often the workflow is cancelled."""
    result, _ = await await_outcome(step)
    return result


async def await_outcome(step: Awaitable[R]) -> tuple[R, bool]:
    """Await a step's true outcome; return it, and whether the workflow was cancelled meanwhile."""
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
