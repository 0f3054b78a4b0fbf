"""A worker process that is stuck, gives up and tries again sooner than usual: python -m tests.support.hasty_worker.

It is what `changeover worker` runs. The product has no setting for how long a step fails before it is undone or stuck.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import worker
from activities.support import final_attempts
from runtime.settings import Settings
from workflows.saga import activity_calls, step_runner

GIVES_UP = timedelta(seconds=10)
"""How long a step fails that can be undone: as a minute otherwise."""
STUCK = timedelta(seconds=3)
"""How long a step fails before it is stuck: as half a minute otherwise."""


def be_hasty() -> None:
    """Shorten what the product does not let an installation choose."""
    step_runner.ATTENTION_AFTER = STUCK
    step_runner.EXTERNAL_TOTAL = GIVES_UP  # type: ignore[attr-defined] # it imports the name
    step_runner.RETRY_AFTER = final_attempts.LATE_ANSWER = STUCK
    activity_calls._UNLIMITED = replace(activity_calls._UNLIMITED, maximum_interval=timedelta(seconds=2))  # noqa: SLF001 - no setting


if __name__ == "__main__":
    be_hasty()
    asyncio.run(worker.run(Settings()))
