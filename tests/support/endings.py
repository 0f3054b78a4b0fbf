"""What must hold of everything a test run did, whatever the single tests looked at."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from sqlmodel import select
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from store import invariants
from store.events import EventType as OurEvent
from store.tables import EventRow
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
    """Replay a fresh history of every course a draft took, and look for personal details in all of them."""
    found = world.client.list_workflows("WorkflowType = 'OrderDraft'").map_histories()
    histories = [history async for history in found]
    courses = {course(history): history for history in histories}

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in courses.values():
            yield history

    results = await replayer().replay_workflows(each(), raise_on_replay_failure=False)
    assert not results.replay_failures, results.replay_failures
    for history in histories:
        for event in history.events:
            assert not canaries_in(event.SerializeToString()), f"{history.workflow_id} event {event.event_id}"


def check_books(world: World) -> None:
    """See that every invariant holds after all that was broken on purpose.

    What an operator said was done by hand was done at no provider here. Rows that the store's own tests wrote,
    of orders 99-… and a change C1, are nobody's.
    """
    with world.parts.store.read() as tx:
        by_hand = {row.order_number for row in tx.exec(select(EventRow).where(EventRow.type == OurEvent.DONE_BY_HAND))}
        found = [each for each in invariants.violations(tx) if each.order not in by_hand]
    wrong = [each for each in found if not (each.order or each.what).startswith(("99-", "C1/"))]
    assert not wrong, f"{len(wrong)} things of the books do not hold, the first: {wrong[0]}"


def course(history: WorkflowHistory) -> tuple[tuple[int, str], ...]:
    """Return what happened in a history, in which order: two of the same course replay alike."""
    return tuple((event.event_type, _what(event)) for event in history.events)


def _what(event: HistoryEvent) -> str:
    if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
        return event.activity_task_scheduled_event_attributes.activity_type.name
    if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
        marker = event.marker_recorded_event_attributes
        data = json.loads(marker.details["data"].payloads[0].data)
        return f"{data['activity_type']} {marker.failure.application_failure_info.type}"
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
        return event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name
    return ""
