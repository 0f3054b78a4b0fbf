"""What must hold of everything a test run did, whatever the single tests looked at."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from sqlmodel import select
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from store import invariants
from store.events import EventType
from store.tables import EventRow
from telemetry.logs import LogFormat, formatter
from tests.replay_histories import replayer
from tests.support.canary import canaries_in
from tests.support.world import World

CHATTY = ("activities", "api", "providers", "store", "telemetry", "temporalio", "uvicorn", "workflows")
"""Whose words are looked at, down to info; SQLAlchemy and httpx speak of nothing unless something is wrong."""


class LogCanary(logging.Handler):
    """Looks for personal details in all that is logged, as it is written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(formatter(LogFormat.JSON))
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


async def check_histories(world: World) -> None:
    """Look for personal details in every fresh history, and replay one of each course."""
    found = world.client.list_workflows("").map_histories()
    histories = [history async for history in found]

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in {_course(history): history for history in histories}.values():
            yield history

    results = await replayer().replay_workflows(each(), raise_on_replay_failure=False)
    assert not results.replay_failures, results.replay_failures
    for history in histories:
        for event in history.events:
            assert not canaries_in(event.SerializeToString()), f"{history.workflow_id} event {event.event_id}"


def _course(history: WorkflowHistory) -> tuple[tuple[int, str], ...]:
    """Return what happened in a history, without ids and values: two of one course replay alike."""
    return tuple((event.event_type, _name(event)) for event in history.events)


def _name(event: HistoryEvent) -> str:
    if event.HasField("marker_recorded_event_attributes"):
        marker = event.marker_recorded_event_attributes
        told = json.loads(marker.details["data"].payloads[0].data) if "data" in marker.details else {}
        return f"{told.get('activity_type', marker.marker_name)} {marker.HasField('failure')}"
    if event.HasField("activity_task_scheduled_event_attributes"):
        return event.activity_task_scheduled_event_attributes.activity_type.name
    return event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name


def check_books(world: World) -> None:
    """See that every invariant holds after all that was broken on purpose.

    What an operator said was done by hand was done at no provider here. Rows that the store's own tests wrote,
    of orders 99-… and a change C1, are nobody's.
    """
    with world.parts.store.read() as tx:
        by_hand = {row.order_number for row in tx.exec(select(EventRow).where(EventRow.type == EventType.DONE_BY_HAND))}
        found = [each for each in invariants.violations(tx) if each.order not in by_hand]
    wrong = [each for each in found if not (each.order or each.what).startswith(("99-", "C1/"))]
    assert not wrong, f"{len(wrong)} things of the books do not hold, the first: {wrong[0]}"
