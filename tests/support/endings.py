"""What must hold of everything a test run did, whatever the single tests looked at."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.support.canary import canaries_in
from tests.support.world import World
from workflows.order_draft import OrderDraft
from workflows.sandbox import runner

CHATTY = ("activities", "api", "providers", "store", "temporalio", "uvicorn", "workflows")
"""Whose words are looked at, down to info; SQLAlchemy and httpx speak of nothing unless something is wrong."""


class LogCanary(logging.Handler):
    """Looks for personal details in all that is logged, tracebacks included."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen = 0
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one record."""
        self.seen += 1
        text = self.format(record)
        if canaries_in(text.encode()):
            self.found.append(text)


@contextmanager
def listening() -> Iterator[LogCanary]:
    """Look at everything logged within the block."""
    canary, root = LogCanary(), logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in CHATTY}
    root.addHandler(canary)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.INFO)
    yield canary
    root.removeHandler(canary)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def replayer() -> Replayer:
    """Return a replayer as the worker would run."""
    return Replayer(workflows=[OrderDraft], workflow_runner=runner(), data_converter=pydantic_data_converter)


async def check_histories(world: World) -> None:
    """Replay every fresh history, and look for personal details in it."""
    found = world.client.list_workflows("WorkflowType = 'OrderDraft'").map_histories()
    histories = [history async for history in found]

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in histories:
            yield history

    results = await replayer().replay_workflows(each(), raise_on_replay_failure=False)
    assert not results.replay_failures, results.replay_failures
    for history in histories:
        for event in history.events:
            assert not canaries_in(event.SerializeToString()), f"{history.workflow_id} event {event.event_id}"
