"""Replays every recorded history, or the given files, in a process of its own: python -m tests.replay_histories

Code that depends on the order of a set fails only in a process with another hash seed: see PYTHONHASHSEED.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from temporal.data_converter import DATA_CONVERTER
from workflows.deliver_events import DeliverEvents
from workflows.order_draft import OrderDraft
from workflows.reconcile import Reconcile
from workflows.sandbox import runner

FOLDER = Path(__file__).parent / "histories"
WORKFLOWS = [OrderDraft, Reconcile, DeliverEvents]
FILES = sorted(FOLDER.glob("*.json"))


def replayer() -> Replayer:
    """Return a replayer with the worker's workflows and settings.

    In debug mode, because the two seconds after which the SDK suspects a deadlock measure a busy machine here.
    """
    return Replayer(workflows=WORKFLOWS, workflow_runner=runner(), data_converter=DATA_CONVERTER, debug_mode=True)


def read(path: Path) -> WorkflowHistory:
    """Return a recorded history."""
    return WorkflowHistory.from_json(path.stem, path.read_text())


async def failures(paths: Iterable[Path]) -> dict[str, Exception]:
    """Return the errors of histories that the present code does not replay, by file name."""
    names: dict[str, str] = {}

    async def histories() -> AsyncIterator[WorkflowHistory]:
        for path in paths:
            history = read(path)
            names[history.run_id] = path.stem
            yield history

    results = await replayer().replay_workflows(histories(), raise_on_replay_failure=False)
    return {names[run]: error for run, error in results.replay_failures.items()}


if __name__ == "__main__":
    paths = [Path(each) for each in sys.argv[1:]] or FILES
    failed = asyncio.run(failures(paths))
    for name, error in failed.items():
        print(f"{name}: {error}")  # noqa: T201 - a command
    print(f"{len(paths) - len(failed)} of {len(paths)} replay", flush=True)  # noqa: T201 - likewise
    # The SDK's threads may outlive the interpreter and crash it at its end.
    os._exit(bool(failed))
