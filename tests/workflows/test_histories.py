"""Recorded histories replay on the present code. They are never recorded again to make this pass."""

import subprocess
import sys
from pathlib import Path

import pytest
from temporalio.workflow import NondeterminismError

from temporal.names import StepName
from tests.recordings import STORIES
from tests.replay_histories import FILES, FOLDER, failures, read, replayer
from tests.support import next_release
from tests.support.canary import find_canaries
from tests.support.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
EACH = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@EACH
async def test_a_recorded_history_replays(path: Path) -> None:
    await replayer().replay_workflow(read(path))


@pytest.mark.parametrize("seed", ["0", "1", "20261122"])
def test_every_history_replays_whatever_order_sets_have(seed: str) -> None:
    command = [sys.executable, "-m", "tests.replay_histories"]
    ended = subprocess.run(  # noqa: S603 - our own command
        command, cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (0, f"{len(FILES)} of {len(FILES)} replay\n"), ended.stderr


def test_there_is_a_history_of_every_story() -> None:
    assert {path.stem for path in FILES} == set(STORIES)


def test_a_change_is_recorded_undone_at_each_step_before_the_point_of_no_return() -> None:
    steps = SCENARIOS[0].steps
    before = steps[: steps.index(StepName.SETTLE_PRICE_DIFFERENCE)]
    assert {f"undone-at-{step.replace('_', '-')}" for step in before} <= set(STORIES)


@EACH
def test_a_history_holds_no_personal_data(path: Path) -> None:
    for event in read(path).events:
        assert not find_canaries(event.SerializeToString())


@EACH
def test_a_history_names_no_folder_of_the_machine_that_recorded_it(path: Path) -> None:
    assert "site-packages" not in path.read_text()


CHANGES: dict[next_release.Release, list[str]] = {
    next_release.added_step: ["refused-sold-out", "open-draft", "recovered-unfinished-change"],
    next_release.removed_step: ["undone-at-validate-travellers", "open-draft", "recovered-unfinished-change"],
    next_release.order_confirmed_before_seats: ["confirmed-in-one-go", "continued-and-confirmed", "cancelled-too-late"],
    next_release.undo_in_recorded_order: ["attention-undo-done-by-hand", "attention-undo-retried"],
    next_release.timer_before_each_request: ["confirmed-nothing", "undone-at-plan-change", "open-attention"],
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_a_workflow_with_other_steps_or_in_another_order_does_not_replay(
    change: next_release.Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    affected, untouched = CHANGES[change], "reconcile-started-a-run"
    change(monkeypatch)
    failed = await failures(FOLDER / f"{name}.json" for name in (*affected, untouched))
    assert set(failed) == set(affected)
    for error in failed.values():
        # In the other case a step gets the result of another step, which does not match its type.
        assert isinstance(error, NondeterminismError) or "Failed decoding arguments" in str(error)


async def test_a_step_added_under_a_patch_still_replays_every_history(monkeypatch: pytest.MonkeyPatch) -> None:
    next_release.added_step_under_a_patch(monkeypatch)
    assert await failures(FILES) == {}
