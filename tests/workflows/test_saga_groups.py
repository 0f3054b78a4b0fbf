"""The rules of a saga that follows a flow: groups of own steps, external steps by themselves."""

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError, FailureError

from activities.recovery import RecordedStep
from activities.support.flow import (
    EndedRequest,
    Flow,
    FlowRun,
    GroupCommand,
    GroupResult,
    StepResult,
    Steps,
    UndoStepsCommand,
    WithdrawGroupResult,
    ask,
)
from activities.support.step_kinds import Command
from domain.changes import ChangeState
from domain.orders import OrderStatus
from temporal.names import RECOVERY_REQUIRED, GroupName, System
from tests.workflows.test_saga import CONFIRM, HOLD, LOOK, SETTLE, SWAP, RecordingRunner, of
from workflows.saga.error_codes import error_code
from workflows.saga.saga import Saga, SagaError

EXTERNAL = (System.SEATS, System.PAYMENTS)


def _steps(_command: GroupCommand) -> Steps:
    yield from ask(LOOK, of(LOOK))
    yield from ask(HOLD, of(HOLD))
    yield from ask(SWAP, of(SWAP))
    yield from ask(SETTLE, of(SETTLE))
    yield from ask(CONFIRM, of(CONFIRM))


FLOW = Flow(GroupName.RUN_CHANGE, (LOOK, HOLD, SWAP, SETTLE, CONFIRM), _steps)


class Progress:
    """Shows nothing."""

    def show_step(self, *_: str) -> None:
        """Show a step."""


class GroupingRunner(RecordingRunner):
    """Also runs groups: answers what a test prepares, or else that the group's steps are done."""

    def __init__(self, external: tuple[System, ...] = (), fails: str = "") -> None:
        super().__init__(fails)
        self.progress = Progress()
        self.external = external
        self.answers: list[GroupResult | None] = []
        self.withdrawn = WithdrawGroupResult()
        self.cancelled = False
        self.alone: list[bool] = []

    def runs_in_group(self, flow: FlowRun) -> bool:
        return flow.grouped and flow.next is not None and flow.next.step.system not in self.external

    async def run_group(self, flow: FlowRun, *, alone: bool) -> tuple[GroupResult | None, bool]:
        self.alone.append(alone)
        names = [step.name for step in flow.upcoming(self.external)]
        await self._run(f"group {' '.join(names)}")
        return (self.answers.pop(0) if self.answers else answer(*names)), self.cancelled

    async def withdraw_group(self, flow: FlowRun) -> WithdrawGroupResult:
        flow.leave_groups()
        self.ran.append("withdraw")
        return self.withdrawn

    def undone_in_group(self, step: Any) -> bool:
        return step.system not in self.external

    async def undo_group(self, command: UndoStepsCommand, _shown: Any) -> bool:
        self.ran.append(f"undo {' '.join(each.step for each in command.undos)}")
        return True


def answer(*names: str, **more: Any) -> GroupResult:
    return GroupResult(steps=tuple(StepResult(step=name, result={}, ms=1) for name in names), **more)


def run() -> FlowRun:
    return FLOW.start(GroupCommand(change="C1", order="26-100001"))


async def follow(runner: GroupingRunner, flow: FlowRun | None = None) -> Saga:
    draft = Saga(runner)  # type: ignore[arg-type] # has the same methods
    await draft.nested().follow(flow or run())
    return draft


async def test_adjacent_own_steps_are_one_group() -> None:
    runner = GroupingRunner()
    draft = await follow(runner)
    assert runner.ran == ["group look hold swap settle confirm"]
    with pytest.raises(SagaError, match="committed"):
        draft.nested()


async def test_a_group_ends_before_an_external_step_and_begins_again_behind_it() -> None:
    runner = GroupingRunner(EXTERNAL)
    await follow(runner)
    assert runner.ran == ["group look", "hold C1", "group swap", "settle C1", "group confirm"]


async def test_a_refused_group_undoes_the_external_steps_before_it_and_records_no_outcome_itself() -> None:
    runner = GroupingRunner(EXTERNAL)
    runner.answers = [answer("look"), GroupResult(refused="SOLD_OUT", refused_step="swap")]
    with pytest.raises(FailureError) as refused:
        await follow(runner)
    assert error_code(refused.value) == "SOLD_OUT"
    assert runner.ran == ["group look", "hold C1", "group swap", "release C1"]
    assert runner.alone == [True, False]


async def test_a_refused_pivot_undoes_groups_and_external_steps_in_their_order() -> None:
    runner = GroupingRunner(EXTERNAL, fails="settle C1")
    with pytest.raises(ApplicationError):
        await follow(runner)
    assert runner.ran[-3:] == ["settle C1", "undo swap", "release C1"]


async def test_a_group_without_an_answer_is_withdrawn_and_its_steps_run_one_by_one() -> None:
    runner = GroupingRunner()
    runner.answers = [None]
    await follow(runner)
    assert runner.ran[1:] == ["withdraw", "look C1", "hold C1", "swap C1", "settle C1", "confirm C1"]


async def test_what_a_withdrawn_group_had_done_is_undone_once() -> None:
    runner = GroupingRunner(fails="swap C1")
    runner.answers = [None]
    runner.withdrawn = WithdrawGroupResult(steps=(RecordedStep(step="reserve_seats", command=RESERVED),))
    with pytest.raises(ApplicationError):
        await follow(runner)
    assert runner.ran[-1] == "undo swap hold reserve_seats"


RESERVED = {"change": "C1", "order": "26-100001", "seats": 1, "services": []}


async def test_a_withdrawn_group_whose_request_has_an_outcome_ends_the_flow() -> None:
    runner, flow = GroupingRunner(), run()
    runner.answers = [None]
    runner.withdrawn = WithdrawGroupResult(ended=EndedRequest(state=ChangeState.DONE, status=OrderStatus.DRAFT))
    await follow(runner, flow)
    assert runner.ran[-1] == "withdraw"
    assert flow.ended is not None


async def test_a_request_that_has_ended_as_undone_elsewhere_leaves_nothing_of_its_own_behind() -> None:
    runner = GroupingRunner(EXTERNAL)
    ended = GroupResult(ended=EndedRequest(state=ChangeState.UNDONE, code="STEP_FAILED", status=OrderStatus.CONFIRMED))
    runner.answers = [answer("look"), ended]
    draft = await follow(runner)
    assert runner.ran == ["group look", "hold C1", "group swap", "release C1"]
    assert draft.undos == ()


async def test_the_answer_of_another_release_is_taken_as_far_as_it_agrees() -> None:
    runner = GroupingRunner()
    runner.answers = [answer("look", "hold", "paint")]
    await follow(runner)
    assert runner.ran == ["group look hold swap settle confirm", "swap C1", "settle C1", "confirm C1"]


async def test_no_step_before_a_pivot_that_may_have_happened_fails() -> None:
    runner = GroupingRunner(EXTERNAL)
    runner.answers = [answer("look", may_be_settled=True)]
    await follow(runner)
    assert runner.ran == ["group look", "hold C1 until known", "group swap", "settle C1", "group confirm"]


async def test_no_step_of_a_withdrawn_group_that_may_be_settled_fails() -> None:
    runner = GroupingRunner()
    runner.answers, runner.withdrawn = [None], WithdrawGroupResult(may_be_settled=True)
    await follow(runner)
    steps = ["look C1 until known", "hold C1 until known", "swap C1 until known", "settle C1", "confirm C1"]
    assert runner.ran[2:] == steps


async def test_what_was_done_is_undone_once_a_pivot_that_may_have_happened_is_refused() -> None:
    runner = GroupingRunner(EXTERNAL, fails="settle C1")
    runner.answers = [answer("look", may_be_settled=True)]
    with pytest.raises(ApplicationError):
        await follow(runner)
    assert runner.ran[-3:] == ["settle C1", "undo swap", "release C1"]


async def test_a_cancellation_during_a_group_undoes_nothing_that_may_be_settled() -> None:
    runner = GroupingRunner(EXTERNAL)
    runner.cancelled, runner.answers = True, [answer("look", may_be_settled=True)]
    await follow(runner)
    assert "release C1" not in runner.ran


async def test_a_group_that_needs_recovery_first_says_so() -> None:
    runner = GroupingRunner()
    runner.answers = [GroupResult(recovery_required=True)]
    with pytest.raises(FailureError) as needed:
        await follow(runner)
    assert error_code(needed.value) == RECOVERY_REQUIRED


async def test_a_cancellation_during_a_group_undoes_it_before_the_point_of_no_return() -> None:
    runner = GroupingRunner(EXTERNAL[1:])
    runner.cancelled = True
    with pytest.raises(asyncio.CancelledError):
        await follow(runner)
    assert runner.ran == ["group look hold swap", "undo swap hold"]


async def test_a_cancellation_during_a_group_that_has_passed_the_point_of_no_return_comes_too_late() -> None:
    runner = GroupingRunner()
    runner.cancelled = True
    draft = await follow(runner)
    with pytest.raises(SagaError, match="committed"):
        draft.nested()


def test_a_command_names_what_it_undoes() -> None:
    command: Command = UndoStepsCommand(change="C1", order="O", undos=(RecordedStep(step="swap", command={}),))
    assert command.summary() == "undo swap"
