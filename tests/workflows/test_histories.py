"""Recorded histories replay on the code of today. They are never recorded again to make this pass."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from tests.record_histories import FOLDER
from tests.recordings import STORIES
from tests.support.canary import canaries_in
from tests.support.endings import replayer

FILES = sorted(FOLDER.glob("*.json"))


def read(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    await replayer().replay_workflow(read(path))


def test_there_is_a_history_of_every_story() -> None:
    assert {path.stem for path in FILES} == set(STORIES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_history_holds_nothing_personal(path: Path) -> None:
    for event in read(path).events:
        assert not canaries_in(event.SerializeToString())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_history_names_no_folder_of_the_machine_that_recorded_it(path: Path) -> None:
    assert "site-packages" not in path.read_text()


async def test_a_history_with_two_steps_swapped_is_refused() -> None:
    history = read(FOLDER / "confirmed-in-one-go.json")
    markers = [event for event in history.events if event.HasField("marker_recorded_event_attributes")]
    first, second = markers[0].marker_recorded_event_attributes, markers[1].marker_recorded_event_attributes
    kept = type(first)()
    kept.CopyFrom(first)
    first.CopyFrom(second)
    second.CopyFrom(kept)

    async def one() -> AsyncIterator[WorkflowHistory]:
        yield history

    results = await replayer().replay_workflows(one(), raise_on_replay_failure=False)
    assert results.replay_failures
