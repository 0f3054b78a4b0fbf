"""`demo --kill-worker`: kills the worker in the middle of a change, after the capture of the payment."""

import time
from datetime import date

from activities.support.step_kinds import EXTERNAL_ATTEMPT
from cli.demo.story_runner import StoryRunner
from cli.faults.injection import Fault, Folder
from cli.faults.scenarios import CONFIRMED_CHANGE
from cli.http_clients.responses import Json
from cli.processes import Child
from temporal.names import StepName

KILLED_STEP = StepName.SETTLE_PRICE_DIFFERENCE


def worker_killed(story: StoryRunner, folder: Folder, worker: Child, day: date, *, at_bank: bool) -> None:
    """Kill the worker after the capture but before its result is recorded, restart it, and check the change."""
    story.title(1, "kill -9 of the worker in the middle of a change")
    order = CONFIRMED_CHANGE.prepare(story, day)
    before = story.client.show(order)
    folder.arm(order, KILLED_STEP, Fault.PAUSED_AFTER)
    story.on_poll = killer = _Killer(story, folder, worker, order, at_bank=at_bank)
    change = CONFIRMED_CHANGE.run(story, order, day)
    ended = time.monotonic() - killer.killed_at
    story.on_poll, story.notes = (lambda _change: None), {}
    story.expect(change, "done")
    story.say(f"[bold]The change ended {ended:.1f} seconds after the kill.[/bold]")
    CONFIRMED_CHANGE.check(story, before, story.client.show(order))
    story.where(order)


class _Killer:
    """Kills the worker once the step is done, and restarts it at once, as a supervisor does."""

    def __init__(self, story: StoryRunner, folder: Folder, worker: Child, order: str, *, at_bank: bool) -> None:
        self._story, self._folder, self._worker, self._order = story, folder, worker, order
        self._at_bank = at_bank
        self.killed_at = 0.0

    def __call__(self, _change: Json) -> None:
        """Handle one poll of the change."""
        if self.killed_at:
            self._story.notes[KILLED_STEP] = (
                f"the worker was killed here, {time.monotonic() - self.killed_at:.1f} s ago"
            )
        elif self._folder.times_fired(self._order, KILLED_STEP, Fault.PAUSED_AFTER):
            self._kill()

    def _kill(self) -> None:
        old = self._worker.process.pid if self._worker.process else 0
        self._worker.kill()
        self.killed_at = time.monotonic()
        self._folder.disarm(self._order, KILLED_STEP, Fault.PAUSED_AFTER)
        self._story.say("[yellow]The payment is captured; the worker has not recorded the result yet ...[/yellow]")
        self._story.say(f"[red]kill -9 {old}[/red]")
        self._worker.start()
        new = self._worker.process.pid if self._worker.process else 0
        self._story.say(f"A new worker (process {new}) knows only the recorded state.")
        if self._at_bank:
            seconds = EXTERNAL_ATTEMPT.total_seconds()
            self._story.say(f"It asks the bank again, by the same key, {seconds:.0f} seconds after the first attempt.")
