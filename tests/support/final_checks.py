"""Checks at the end of a test run: no history names a traveller, every history replays, every invariant holds."""

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
    """Search every history of this run for canaries, and replay one history of each sequence of events.

    They replay in the SDK's sandbox, which finds what the workers, that run without it, do not notice.
    """
    histories = [history async for history in world.client.list_workflows("").map_histories()]
    for history in histories:
        search_history(history)

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in {_sequence(history): history for history in histories}.values():
            yield history

    results = await replayer().replay_workflows(each(), raise_on_replay_failure=False)
    assert not results.replay_failures, results.replay_failures


def _sequence(history: WorkflowHistory) -> tuple[tuple[int, str], ...]:
    """Return a history's events without ids and values: two histories with equal sequences replay alike."""
    return tuple((event.event_type, _name(event)) for event in history.events)


def _name(event: HistoryEvent) -> str:
    if event.HasField("marker_recorded_event_attributes"):
        marker = event.marker_recorded_event_attributes
        details = json.loads(marker.details["data"].payloads[0].data) if "data" in marker.details else {}
        return f"{details.get('activity_type', marker.marker_name)} {marker.HasField('failure')}"
    if event.HasField("activity_task_scheduled_event_attributes"):
        return event.activity_task_scheduled_event_attributes.activity_type.name
    return event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name


def check_invariants(world: World) -> None:
    """Check that every invariant holds after all the faults that tests injected.

    Orders with an operator's statement are left out: in tests no provider did what the statement records. Rows that
    the store's own tests wrote, of orders 99-… and of a change C1, belong to no real order and are left out too.
    """
    with world.components.store.read() as tx:
        by_hand = {row.order_number for row in tx.exec(select(EventRow).where(EventRow.type == EventType.DONE_BY_HAND))}
        violations = [each for each in invariants.violations(tx) if each.order not in by_hand]
    violations = [each for each in violations if not (each.order or each.what).startswith(("99-", "C1/"))]
    assert not violations, f"{len(violations)} invariants are violated, the first: {violations[0]}"
