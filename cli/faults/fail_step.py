"""`demo --fail STEP`: a step or undo fails in each way it can, and the change ends where it must."""

from datetime import date

from activities.support.registry import all_undos
from cli.demo.story_runner import StoryRunner
from cli.faults.checks import as_before
from cli.faults.fault_kinds import BROKEN, REFUSED, FaultKind, breakable
from cli.faults.injection import Fault, Folder
from cli.faults.injector import REFUSAL
from cli.faults.scenarios import scenario_of
from cli.http_clients.responses import Json
from temporal.names import STEP_FAILED, StepName

TURNING_POINT = StepName.SETTLE_PRICE_DIFFERENCE
"""Refused, it has everything taken back: so an undo gets something to do."""
RECOVERS_AFTER = 3


def step_fails(stage: StoryRunner, folder: Folder, step: str, day: date) -> None:
    """Tell one story for each way a step or undo can fail."""
    for number, way in enumerate(breakable()[step], 1):
        stage.title(number, f"{step} {way.told}")
        _told(stage, folder, step, way, day)


def _told(stage: StoryRunner, folder: Folder, step: str, way: FaultKind, day: date) -> None:
    act, is_undo = scenario_of(step), step in all_undos()
    order = act.ready(stage, day)
    before = stage.shop.show(order)
    if is_undo:
        folder.arm(order, TURNING_POINT, Fault.REFUSED)
    folder.arm(order, step, way.fault)
    stage.look = _Watching(stage, folder, order, step, way)
    change = act.run(stage, order, day)
    stage.look, stage.notes = (lambda _change: None), {}
    stage.expect(change, *_ending(way, is_undo=is_undo))
    after = stage.shop.show(order)
    (as_before if way.undone or is_undo else act.done)(stage, before, after)
    stage.where(order)


def _ending(way: FaultKind, *, is_undo: bool) -> tuple[str, str | None]:
    if is_undo or way is REFUSED:
        return "refused", REFUSAL.code
    return ("undone", STEP_FAILED) if way.undone else ("done", None)


class _Watching:
    """Sees what became of a fault, mends it in time, and calls the operator."""

    def __init__(self, stage: StoryRunner, folder: Folder, order: str, step: str, way: FaultKind) -> None:
        self._stage, self._folder, self._order, self._step, self._way = stage, folder, order, step, way
        self._seen_at: int | None = None
        self._helped = False

    def __call__(self, change: Json) -> None:
        """Look once more."""
        if self._folder.struck(self._order, TURNING_POINT, Fault.REFUSED):
            self._stage.notes[TURNING_POINT] = "refused, on purpose"
        failures = self._folder.struck(self._order, self._step, self._way.fault)
        if failures:
            self._stage.notes[self._step] = self._said(failures)
        if self._way.helped:
            self._call_operator(change, failures)
        elif self._way.fault is Fault.DOWN and failures >= RECOVERS_AFTER:
            self._folder.mend(self._order, self._step, Fault.DOWN)

    def _said(self, failures: int) -> str:
        match self._way.fault:
            case Fault.REFUSED:
                return "refused, on purpose"
            case Fault.BROKEN | Fault.LOST_FOR_GOOD:
                return "broken, on purpose" if self._way is BROKEN else "done, its answer lost on purpose"
            case _:
                return f"failed {failures} times, on purpose"

    def _call_operator(self, change: Json, failures: int) -> None:
        if change["state"] == "needs_attention" and self._seen_at is None:
            self._seen_at = failures
        # An operator comes a little later: by then the next attempt is some time away.
        if self._seen_at is not None and failures >= self._seen_at + RECOVERS_AFTER and not self._helped:
            self._help()

    def _help(self) -> None:
        """Do what an operator does: see what is left, mend what is broken, have it tried again."""
        self._helped = True
        stuck = self._stage.shop.stuck(self._order)
        self._stage.say(f"[yellow]A case for an operator:[/yellow] {stuck['description']} keeps failing.")
        for left in stuck["unsettled"]:
            self._stage.say(f"  left: {left}")
        self._folder.mend(self._order, self._step, Fault.DOWN)
        self._stage.shop.help(self._order, "retry-now", "the provider is back")
        self._stage.say("The provider is back; the operator has it tried again.")
