"""What must hold of everything a test run did, whatever the single tests looked at."""

from collections.abc import AsyncIterator

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.support.canary import canaries_in
from tests.support.world import World
from workflows.order_draft import OrderDraft
from workflows.sandbox import runner


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
