"""`demo --kill-worker`: kill -9 in the middle of a change, at the worst moment."""

import time
from datetime import date

from cli.demo.story_runner import StoryRunner
from cli.faults.injection import Fault, Folder
from cli.faults.scenarios import IN_ONE_GO
from cli.http_clients.responses import Json
from cli.processes import Child
from temporal.names import StepName

MOMENT = StepName.SETTLE_PRICE_DIFFERENCE


def worker_killed(stage: StoryRunner, folder: Folder, worker: Child, day: date) -> None:
    """Kill the worker once the money is taken and nobody has heard of it; start it again; see the change end."""
    stage.title(1, "kill -9 of the worker, in the middle of a change")
    order = IN_ONE_GO.ready(stage, day)
    before = stage.shop.show(order)
    folder.arm(order, MOMENT, Fault.PAUSED_AFTER)
    stage.look = killer = _Killer(stage, folder, worker, order)
    change = IN_ONE_GO.run(stage, order, day)
    ended = time.monotonic() - killer.killed_at
    stage.look, stage.notes = (lambda _change: None), {}
    stage.expect(change, "done")
    stage.say(f"[bold]The change ended {ended:.1f} seconds after the kill.[/bold]")
    IN_ONE_GO.done(stage, before, stage.shop.show(order))
    stage.where(order)


class _Killer:
    """Kills when the moment has come, and starts the worker again at once, as a supervisor does."""

    def __init__(self, stage: StoryRunner, folder: Folder, worker: Child, order: str) -> None:
        self._stage, self._folder, self._worker, self._order = stage, folder, worker, order
        self.killed_at = 0.0

    def __call__(self, _change: Json) -> None:
        """Look once more."""
        if self.killed_at:
            self._stage.notes[MOMENT] = f"the worker was killed here, {time.monotonic() - self.killed_at:.1f} s ago"
        elif self._folder.struck(self._order, MOMENT, Fault.PAUSED_AFTER):
            self._kill()

    def _kill(self) -> None:
        old = self._worker.process.pid if self._worker.process else 0
        self._worker.kill()
        self.killed_at = time.monotonic()
        self._folder.mend(self._order, MOMENT, Fault.PAUSED_AFTER)
        self._stage.say("[yellow]The money is taken, and the worker about to say so ...[/yellow]")
        self._stage.say(f"[red]kill -9 {old}[/red]")
        self._worker.start()
        new = self._worker.process.pid if self._worker.process else 0
        self._stage.say(f"A new worker, {new}, knows only what was written down.")
