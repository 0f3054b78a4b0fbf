"""`demo --fail STEP`: injects each possible fault into a step or undo, and checks how the change ends."""

from datetime import date

from activities.support.registry import undos
from cli.demo.story_runner import StoryRunner
from cli.faults.checks import expect_unchanged
from cli.faults.fault_kinds import BROKEN, REFUSED, FaultKind, breakable
from cli.faults.injection import Fault, Folder
from cli.faults.injector import REFUSAL
from cli.faults.scenarios import find_scenario
from cli.http_clients.responses import Json
from temporal.names import STEP_FAILED, StepName

REFUSED_PIVOT = StepName.SETTLE_PRICE_DIFFERENCE
"""When it is refused, all earlier steps are undone, so that the undo under test runs."""
RECOVERS_AFTER = 3
"""Failed attempts after which a provider recovers, or an operator is called."""


def step_fails(story: StoryRunner, folder: Folder, step: str, day: date) -> None:
    """Run one story for each possible fault of a step or undo."""
    for number, kind in enumerate(breakable()[step], 1):
        story.title(number, f"{step} {kind.description}")
        _run(story, folder, step, kind, day)


def _run(story: StoryRunner, folder: Folder, step: str, kind: FaultKind, day: date) -> None:
    scenario, is_undo = find_scenario(step), step in undos()
    order = scenario.prepare(story, day)
    before = story.client.show(order)
    if is_undo:
        folder.arm(order, REFUSED_PIVOT, Fault.REFUSED)
    folder.arm(order, step, kind.fault)
    story.on_poll = _FaultWatcher(story, folder, order, step, kind)
    change = scenario.run(story, order, day)
    story.on_poll, story.notes = (lambda _change: None), {}
    story.expect(change, *_expected_outcome(kind, is_undo=is_undo))
    after = story.client.show(order)
    (expect_unchanged if kind.undone or is_undo else scenario.check)(story, before, after)
    story.where(order)


def _expected_outcome(kind: FaultKind, *, is_undo: bool) -> tuple[str, str | None]:
    if is_undo or kind is REFUSED:
        return "refused", REFUSAL.code
    return ("undone", STEP_FAILED) if kind.undone else ("done", None)


class _FaultWatcher:
    """Notes how often a fault occurred, ends it in time, and acts as the operator."""

    def __init__(self, story: StoryRunner, folder: Folder, order: str, step: str, kind: FaultKind) -> None:
        self._story, self._folder, self._order, self._step, self._kind = story, folder, order, step, kind
        self._needed_at: int | None = None
        self._resolved = False

    def __call__(self, change: Json) -> None:
        """Handle one poll of the change."""
        if self._folder.times_fired(self._order, REFUSED_PIVOT, Fault.REFUSED):
            self._story.notes[REFUSED_PIVOT] = "refused, on purpose"
        failures = self._folder.times_fired(self._order, self._step, self._kind.fault)
        if failures:
            self._story.notes[self._step] = self._describe(failures)
        if self._kind.needs_operator:
            self._call_operator(change, failures)
        elif self._kind.fault is Fault.DOWN and failures >= RECOVERS_AFTER:
            self._folder.disarm(self._order, self._step, Fault.DOWN)

    def _describe(self, failures: int) -> str:
        match self._kind.fault:
            case Fault.REFUSED:
                return "refused, on purpose"
            case Fault.BROKEN | Fault.LOST_FOR_GOOD:
                return "failed permanently, on purpose" if self._kind is BROKEN else "done, its result lost on purpose"
            case _:
                return f"failed {failures} times, on purpose"

    def _call_operator(self, change: Json, failures: int) -> None:
        if change["state"] == "needs_attention" and self._needed_at is None:
            self._needed_at = failures
        # The operator acts a little later: by then the next attempt is some time away.
        if self._needed_at is not None and failures >= self._needed_at + RECOVERS_AFTER and not self._resolved:
            self._resolve()

    def _resolve(self) -> None:
        """Act as an operator: read the unsettled items, end the fault, and retry the step."""
        self._resolved = True
        stuck = self._story.client.stuck(self._order)
        self._story.say(f"[yellow]The order needs attention:[/yellow] {stuck['description']} keeps failing.")
        for item in stuck["unsettled"]:
            self._story.say(f"  unsettled: {item}")
        self._folder.disarm(self._order, self._step, Fault.DOWN)
        self._story.client.resolve(self._order, "retry-now", "the provider is back")
        self._story.say("The provider is back; the operator retries the step.")
