"""A step that is declared or used against its kind does not pass mypy."""

import subprocess
import sys
from pathlib import Path

from activities.support.registry import all_steps
from activities.support.step_kinds import Reversible
from store.changes.step_records import REVERSIBLE
from workflows import draft

PREAMBLE = """
from typing import ClassVar
from activities.support.step_kinds import Check, Command, Final, Nothing, Pivot, Reversible
from temporal.names import System
from workflows.saga.saga import Saga

class Hold(Command):
    step: ClassVar[str] = "hold"

class Swap(Command):
    step: ClassVar[str] = "swap"

class Acts:
    def hold(self, command: Hold) -> Nothing: raise NotImplementedError
    def release(self, command: Hold) -> Nothing: raise NotImplementedError
    def swap(self, command: Swap) -> Nothing: raise NotImplementedError
    def restore(self, command: Swap) -> Nothing: raise NotImplementedError

HOLD = Reversible(Hold, Acts.hold, undo=Acts.release, undo_name="release", system=System.SEATS)
LOOK = Check(Swap, Acts.swap, system=System.STORE)
SETTLE = Pivot(Swap, Acts.swap, system=System.PAYMENTS)
DONE = Final(Swap, Acts.swap, system=System.STORE)

async def story(saga: Saga, hold: Hold, swap: Swap) -> None:
    await saga.run(HOLD, hold)
    await saga.run(LOOK, swap)
    await saga.commit(SETTLE, swap)
    await saga.finish(DONE, swap)
"""
MISTAKES = {
    "the undo of another step": (
        "x = Reversible(Hold, Acts.hold, undo=Acts.restore, undo_name='restore', system=System.SEATS)"
    ),
    "an undo without a name": "x = Reversible(Hold, Acts.hold, undo=Acts.release, system=System.SEATS)",
    "no undo": "x = Reversible(Hold, Acts.hold, system=System.SEATS)",
    "no system": "x = Check(Swap, Acts.swap)",
    "another command than the step takes": "x = Check(Hold, Acts.swap, system=System.STORE)",
    "an undo on a pivot": "x = Pivot(Swap, Acts.swap, undo=Acts.restore, system=System.PAYMENTS)",
    "a pivot run as if it could be undone": "async def f{n}(s: Saga, c: Swap) -> None: await s.run(SETTLE, c)",
    "a final run as if it could be undone": "async def f{n}(s: Saga, c: Swap) -> None: await s.run(DONE, c)",
    "a reversible step committed": "async def f{n}(s: Saga, c: Hold) -> None: await s.commit(HOLD, c)",
    "a reversible step finished": "async def f{n}(s: Saga, c: Hold) -> None: await s.finish(HOLD, c)",
    "the command of another step": "async def f{n}(s: Saga, c: Swap) -> None: await s.run(HOLD, c)",
    "an await forgotten": "async def f{n}(s: Saga, c: Hold) -> None: s.run(HOLD, c)",
}


def errors(source: str, folder: Path) -> list[str]:
    path = folder / "story.py"
    path.write_text(PREAMBLE + source)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(path)]
    command += ["--cache-dir", str(folder / "cache")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own source
    return [line for line in checked.stdout.splitlines() if "story.py" in line]


def test_only_the_mistakes_are_refused(tmp_path: Path) -> None:
    assert errors("", tmp_path) == []
    lines = [mistake.replace("{n}", str(n)).replace("x =", f"x{n} =") for n, mistake in enumerate(MISTAKES.values())]
    reported = errors("\n".join(lines), tmp_path)
    first = PREAMBLE.count("\n") + 1
    refused = {int(line.split(":")[1]) for line in reported}
    expected = {first + number for number in range(len(MISTAKES))}
    missed = [name for number, name in enumerate(MISTAKES) if first + number not in refused]
    assert not missed
    assert refused == expected


def test_recovery_looks_for_exactly_the_steps_that_have_an_undo() -> None:
    declared = {name for name, step in all_steps().items() if isinstance(step, Reversible)}
    assert set(REVERSIBLE) == declared
    assert set(draft.REVERSIBLE) == declared
