"""The rules of the saga itself, with steps that only record their calls."""

import asyncio
from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar

import pytest
from temporalio.exceptions import ApplicationError, FailureError

from activities.support.step_kinds import Check, Command, Final, Nothing, Pivot, Reversible
from temporal.names import System
from workflows.saga.saga import Saga, SagaError, Undo


class LookCommand(Command):
    step: ClassVar[str] = "look"


class HoldCommand(Command):
    step: ClassVar[str] = "hold"


class SwapCommand(Command):
    step: ClassVar[str] = "swap"


class SettleCommand(Command):
    step: ClassVar[str] = "settle"


class ConfirmCommand(Command):
    step: ClassVar[str] = "confirm"


class _Recorded:
    def record(self, *_: Any) -> Nothing:
        raise NotImplementedError

    def revert(self, *_: Any) -> None:
        raise NotImplementedError

    def describe_undo(self, *_: Any) -> Iterator[str]:
        raise NotImplementedError


class Look(_Recorded, Check[LookCommand, Nothing]):
    system = System.STORE


class Hold(_Recorded, Reversible[HoldCommand, Nothing]):
    system, undo_name = System.SEATS, "release"


class Swap(_Recorded, Reversible[SwapCommand, Nothing]):
    system, undo_name = System.STORE, "restore"


class Settle(_Recorded, Pivot[SettleCommand, Nothing]):
    system = System.PAYMENTS


class Confirm(_Recorded, Final[ConfirmCommand, Nothing]):
    system = System.STORE


LOOK, HOLD, SWAP, SETTLE, CONFIRM = Look(), Hold(), Swap(), Settle(), Confirm()

C = TypeVar("C", bound=Command)
AnyStep = Check[C, Nothing] | Reversible[C, Nothing] | Pivot[C, Nothing] | Final[C, Nothing]


class RecordingRunner:
    """Replaces workflows.saga.step_runner.StepRunner: records each call, and fails at the given one."""

    def __init__(self, fails: str = "", error: type[BaseException] = ApplicationError) -> None:
        self.ran: list[str] = []
        self.fails = fails
        self.error = error

    async def _run(self, call: str) -> Nothing:
        self.ran.append(call)
        await asyncio.sleep(0)
        if call == self.fails:
            raise self.error("no")
        return Nothing()

    async def run(self, step: Any, command: Command) -> Nothing:
        return await self._run(f"{step.name} {command.change}")

    async def run_until_known(self, step: Any, command: Command) -> Nothing:
        return await self._run(f"{step.name} {command.change}" + ("" if isinstance(step, Pivot) else " until known"))

    async def run_final(self, step: Any, command: Command) -> Nothing:
        return await self._run(f"{step.name} {command.change}")

    async def undo(self, step: Any, command: Command) -> None:
        self.ran.append(f"{step.undo_name} {command.change}")

    def undone_in_group(self, _step: Any) -> bool:
        return False


def of(step: AnyStep[C], change: str = "C1") -> C:
    return step.command_type(change=change, order="26-100001")


def saga(steps: RecordingRunner, undos: tuple[Undo, ...] = ()) -> Saga:
    return Saga(steps, undos)  # type: ignore[arg-type] # has the same methods


async def test_a_failed_saga_undoes_its_steps_last_first() -> None:
    steps = RecordingRunner(fails="settle C1")
    with pytest.raises(FailureError):
        async with saga(steps) as block:
            await block.run(LOOK, of(LOOK))
            await block.run(HOLD, of(HOLD))
            await block.run(SWAP, of(SWAP))
            await block.commit(SETTLE, of(SETTLE))
    assert steps.ran == ["look C1", "hold C1", "swap C1", "settle C1", "restore C1", "release C1"]


async def test_a_failed_step_is_undone_too_for_it_may_have_happened() -> None:
    steps = RecordingRunner(fails="hold C1")
    with pytest.raises(FailureError):
        async with saga(steps) as block:
            await block.run(HOLD, of(HOLD))
    assert steps.ran == ["hold C1", "release C1"]


async def test_a_bug_of_ours_undoes_nothing() -> None:
    steps = RecordingRunner(fails="swap C1", error=KeyError)
    with pytest.raises(KeyError):
        async with saga(steps) as block:
            await block.run(HOLD, of(HOLD))
            await block.run(SWAP, of(SWAP))
    assert steps.ran == ["hold C1", "swap C1"]


async def test_a_nested_saga_that_fails_unwinds_alone() -> None:
    steps = RecordingRunner(fails="swap C2")
    draft = saga(steps)
    async with draft.nested() as first:
        await first.run(HOLD, of(HOLD, "C1"))
    with pytest.raises(FailureError):
        async with draft.nested() as second:
            await second.run(HOLD, of(HOLD, "C2"))
            await second.run(SWAP, of(SWAP, "C2"))
    assert steps.ran[-2:] == ["restore C2", "release C2"]
    assert [undo.command.change for undo in draft.undos] == ["C1"]


async def test_the_draft_unwinds_every_change_in_it_last_first() -> None:
    steps = RecordingRunner()
    draft = saga(steps)
    for change in ("C1", "C2"):
        async with draft.nested() as block:
            await block.run(HOLD, of(HOLD, change))
            await block.run(SWAP, of(SWAP, change))
    await draft.unwind()
    assert steps.ran[-4:] == ["restore C2", "release C2", "restore C1", "release C1"]
    assert draft.undos == ()


async def test_an_expiry_may_keep_the_effects_of_a_step() -> None:
    steps = RecordingRunner()
    draft = saga(steps)
    async with draft.nested() as block:
        await block.run(HOLD, of(HOLD))
        await block.run(SWAP, of(SWAP))
    await draft.unwind(keep=(SWAP,))
    assert steps.ran[-1:] == ["release C1"]
    assert draft.undos == ()


async def test_the_pivot_commits_every_saga_around_it_and_empties_their_lists() -> None:
    steps = RecordingRunner()
    draft = saga(steps)
    async with draft.nested() as first:
        await first.run(HOLD, of(HOLD, "C1"))
    async with draft.nested() as second:
        await second.run(HOLD, of(HOLD, "C2"))
        await second.commit(SETTLE, of(SETTLE, "C2"))
    with pytest.raises(SagaError, match="committed"):
        draft.nested()
    await draft.unwind()
    await second.finish(CONFIRM, of(CONFIRM, "C2"))
    assert steps.ran == ["hold C1", "hold C2", "settle C2", "confirm C2"]


async def test_after_the_pivot_nothing_reversible_may_follow() -> None:
    async with saga(RecordingRunner()) as block:
        await block.commit(SETTLE, of(SETTLE))
        with pytest.raises(SagaError):
            await block.run(HOLD, of(HOLD))
        with pytest.raises(SagaError):
            await block.commit(SETTLE, of(SETTLE))


async def test_after_a_final_step_nothing_is_undone_and_nothing_reversible_may_follow() -> None:
    steps = RecordingRunner(fails="settle C1")
    draft = saga(steps)
    async with draft.nested() as block:
        await block.run(HOLD, of(HOLD))
        await block.finish(CONFIRM, of(CONFIRM))
        with pytest.raises(SagaError):
            await block.run(SWAP, of(SWAP))
        with pytest.raises(SagaError):
            await block.commit(SETTLE, of(SETTLE))
    assert steps.ran == ["hold C1", "confirm C1"]
    assert [undo.command.change for undo in draft.undos] == ["C1"]


async def test_a_committed_draft_takes_no_further_change() -> None:
    draft = saga(RecordingRunner())
    async with draft.nested() as block:
        await block.commit(SETTLE, of(SETTLE))
    with pytest.raises(SagaError):
        draft.nested()


async def test_steps_of_an_earlier_run_are_undone_after_later_ones() -> None:
    steps = RecordingRunner()
    draft = saga(steps)
    async with draft.nested() as block:
        draft.adopt([Undo(HOLD, of(HOLD, "C1"))])
        await block.run(HOLD, of(HOLD, "C2"))
    await draft.unwind()
    assert steps.ran == ["hold C2", "release C2", "release C1"]


async def test_a_running_step_finishes_before_it_is_undone_however_often_the_run_is_cancelled() -> None:
    started, finish = asyncio.Event(), asyncio.Event()
    ran: list[str] = []

    class Slow(RecordingRunner):
        async def run(self, step: Any, command: Command) -> Nothing:
            from workflows.saga.cancellation import finish_then_cancel  # noqa: PLC0415 - only here

            async def work() -> Nothing:
                started.set()
                await finish.wait()
                ran.append("hold")
                return Nothing()

            return await finish_then_cancel(work())

        async def undo(self, step: Any, command: Command) -> None:
            await asyncio.sleep(0)
            ran.append("release")

    async def change() -> None:
        async with saga(Slow()) as block:
            await block.run(HOLD, of(HOLD))

    running = asyncio.create_task(change())
    await started.wait()
    for _ in range(3):
        running.cancel()
        await asyncio.sleep(0)
    assert ran == []
    finish.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ran == ["hold", "release"]
