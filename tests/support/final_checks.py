"""What must hold of everything a test run did, whatever the single tests looked at."""

import json
from collections.abc import AsyncIterator

from sqlmodel import select
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from store import invariants
from store.orders.events import EventType
from store.tables import EventRow
from tests.replay_histories import replayer
from tests.support.leak_detection import search_history
from tests.support.world import World


async def check_histories(world: World) -> None:
    """Look at every fresh history, and replay one of each course."""
    found = world.client.list_workflows("").map_histories()
    histories = [history async for history in found]
    for history in histories:
        search_history(history)

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in {_course(history): history for history in histories}.values():
            yield history

    results = await replayer().replay_workflows(each(), raise_on_replay_failure=False)
    assert not results.replay_failures, results.replay_failures


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


def check_invariants(world: World) -> None:
    """See that every invariant holds after all that was broken on purpose.

    What an operator said was done by hand was done at no provider here. Rows that the store's own tests wrote,
    of orders 99-… and a change C1, are nobody's.
    """
    with world.components.store.read() as tx:
        by_hand = {row.order_number for row in tx.exec(select(EventRow).where(EventRow.type == EventType.DONE_BY_HAND))}
        found = [each for each in invariants.violations(tx) if each.order not in by_hand]
    wrong = [each for each in found if not (each.order or each.what).startswith(("99-", "C1/"))]
    assert not wrong, f"{len(wrong)} things of the books do not hold, the first: {wrong[0]}"
