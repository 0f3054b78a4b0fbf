"""A step that is declared or used against its kind does not pass mypy."""

import subprocess
import sys
from pathlib import Path

PREAMBLE = """
from collections.abc import Iterator
from typing import Any, ClassVar, final
from sqlmodel import Session
from activities.support.registry import AnyStep
from activities.support.step_context import StepContext
from activities.support.step_kinds import Check, Command, Final, Nothing, Pivot, Reversible
from domain.orders import Order
from store.tables import OrderRow, StepRecordRow
from temporal.names import System
from workflows.saga.saga import Saga

T = Any

class HoldCommand(Command):
    step: ClassVar[str] = "hold"

class SwapCommand(Command):
    step: ClassVar[str] = "swap"

class Hold(Reversible[HoldCommand, Nothing]):
    system = System.SEATS
    undo_name = "release"
    def record(self, context: StepContext, tx: Session, order: OrderRow, command: HoldCommand, response: T) -> Nothing:
        return Nothing()
    def revert(self, context: StepContext, tx: Session, order: OrderRow, command: HoldCommand, result: Nothing) -> None:
        return None
    def describe_undo(self, tx: Session, order: Order, record: StepRecordRow) -> Iterator[str]:
        yield "released"

class Recorded:
    def record(self, context: StepContext, tx: Session, order: OrderRow, command: SwapCommand, response: T) -> Nothing:
        return Nothing()

class Look(Recorded, Check[SwapCommand, Nothing]):
    system = System.STORE

class Settle(Recorded, Pivot[SwapCommand, Nothing]):
    system = System.PAYMENTS

class Done(Recorded, Final[SwapCommand, Nothing]):
    system = System.STORE

class NoUndo(Recorded, Reversible[SwapCommand, Nothing]):
    system = System.STORE
    undo_name = "restore"

class NoRecord(Check[SwapCommand, Nothing]):
    system = System.STORE

HOLD, LOOK, SETTLE, DONE = Hold(), Look(), Settle(), Done()
STEPS: tuple[AnyStep, ...] = (HOLD, LOOK, SETTLE, DONE)

async def story(saga: Saga, hold: HoldCommand, swap: SwapCommand) -> None:
    await saga.run(HOLD, hold)
    await saga.run(LOOK, swap)
    await saga.commit(SETTLE, swap)
    await saga.finish(DONE, swap)
"""
MISTAKES = {
    "no undo": "x: tuple[AnyStep, ...] = (HOLD, NoUndo())",
    "nothing recorded": "x: tuple[AnyStep, ...] = (HOLD, NoRecord())",
    "a class among the instances": "x: tuple[AnyStep, ...] = (HOLD, Look)",
    "another command than the step takes": "x: Reversible[SwapCommand, Nothing] = HOLD",
    "a pivot run as if it could be undone": "async def f{n}(s: Saga, c: SwapCommand) -> None: await s.run(SETTLE, c)",
    "a final run as if it could be undone": "async def f{n}(s: Saga, c: SwapCommand) -> None: await s.run(DONE, c)",
    "a reversible step committed": "async def f{n}(s: Saga, c: HoldCommand) -> None: await s.commit(HOLD, c)",
    "a reversible step finished": "async def f{n}(s: Saga, c: HoldCommand) -> None: await s.finish(HOLD, c)",
    "the command of another step": "async def f{n}(s: Saga, c: SwapCommand) -> None: await s.run(HOLD, c)",
    "an await forgotten": "async def f{n}(s: Saga, c: HoldCommand) -> None: s.run(HOLD, c)",
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
    lines = [mistake.replace("{n}", str(n)).replace("x:", f"x{n}:") for n, mistake in enumerate(MISTAKES.values())]
    reported = errors("\n".join(lines), tmp_path)
    first = PREAMBLE.count("\n") + 1
    refused = {int(line.split(":")[1]) for line in reported}
    expected = {first + number for number in range(len(MISTAKES))}
    missed = [name for number, name in enumerate(MISTAKES) if first + number not in refused]
    assert not missed
    assert refused == expected
