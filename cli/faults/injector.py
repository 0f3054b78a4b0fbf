"""Injects the faults that `cli/faults/injection.py` declares: a worker interceptor around every activity.

For `demo` and tests only; production code has no hook for it.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.flows import FLOWS
from activities.support.flow import GroupResult
from activities.support.group_transaction import GroupTransaction
from activities.support.registry import undos
from cli.faults.injection import EVERY_TIME, Armed, Fault, Folder
from domain.refusals import CurrencyMismatch
from temporal.names import UNDO_STEPS, WITHDRAW_GROUP, GroupName

REFUSAL = CurrencyMismatch
_FAILURES = 3

Do = Callable[[], Awaitable[Any]]


class Faults(Interceptor):
    """The interceptor: holds armed faults by order and step, or reads them from a folder; records which steps ran."""

    def __init__(self, folder: Folder | None = None) -> None:
        self._armed: dict[tuple[str, str], Armed] = {}
        self._folder = folder
        self.ran: dict[str, list[str]] = {}
        self._without_groups: set[str] = set()
        self._ever_armed: set[str] = set()
        self.unexpected_withdrawals: list[str] = []
        """Orders without a fault whose group failed. Their steps then run one by one, and no other check sees it."""

    def arm(self, order: str, step: str, fault: Fault) -> Armed:
        """Arm a fault for the next run of a step of an order."""
        armed = Armed(fault)
        self._armed[order, step] = armed
        self._ever_armed.add(order)
        return armed

    def find(self, order: str, step: str) -> Armed | None:
        """Return the fault armed in memory for a step."""
        return self._armed.get((order, step))

    def fire(self, order: str, step: str) -> Armed | None:
        """Return the fault that happens to a step now, if any."""
        armed = self.find(order, step)
        if armed is None:
            return self._folder.fire(order, step) if self._folder else None
        if armed.fired and armed.fault not in EVERY_TIME:
            return None
        armed.fired += 1
        return armed

    def break_groups(self, order: str) -> None:
        """Let every group of an order fail, so that its steps run one by one."""
        self._without_groups.add(order)

    def record_run(self, order: str, step: str) -> None:
        """Record that a step or a group of an order runs."""
        self.ran.setdefault(order, []).append(step)
        if step == WITHDRAW_GROUP and order not in self._ever_armed | self._without_groups:
            self.unexpected_withdrawals.append(order)

    def breaks_group(self, order: str, group: str) -> bool:
        """Whether a fault is armed for a step of a group: the group then fails, so that its steps run one by one."""
        steps = _steps_of(group)
        if steps is None:
            return False
        in_memory = any(
            of == order and step in steps and (not armed.fired or armed.fault in EVERY_TIME)
            for (of, step), armed in self._armed.items()
        )
        late = group == UNDO_STEPS and any(of == order and armed.late for (of, _), armed in self._armed.items())
        if in_memory or late or order in self._without_groups:
            return True
        return self._folder is not None and not steps.isdisjoint(self._folder.armed_steps(order))

    def clear(self) -> None:
        """Disarm all faults, and release the steps that wait."""
        for armed in self._armed.values():
            armed.go_on.set()
        self._armed.clear()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Put the faults in front of every activity."""
        return _FaultInterceptor(next, self)


def _steps_of(group: str) -> set[str] | None:
    """Return the steps or undos that may run in a group; None for an activity that is no group."""
    if group == UNDO_STEPS:
        return set(undos())
    return next(({step.name for step in flow.steps} for flow in FLOWS if flow.name == group), None)


class _FaultInterceptor(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, faults: Faults) -> None:
        super().__init__(inner)
        self._faults = faults

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        command = input.args[0] if input.args else None
        order, step = getattr(command, "order", None), activity.info().activity_type
        if order is None:
            return await super().execute_activity(input)
        self._faults.record_run(order, step)

        async def do() -> Any:
            return await super(_FaultInterceptor, self).execute_activity(input)

        if self._faults.breaks_group(order, step):
            raise _permanent_error()
        # A statement that the step was done by hand ends the fault: only our own records are left to update.
        done_by_hand = getattr(command, "done_by_hand_reason", None)
        armed = None if done_by_hand else self._faults.fire(order, step)
        result = await (_INJECT[armed.fault](armed, do) if armed else do())
        await self._deliver_late_call(order, step)
        return result

    async def _deliver_late_call(self, order: str, undo: str) -> None:
        """After an undo, run the call of the step that arrives late; after a withdrawal, that of the group."""
        undone = undos().get(undo)
        names = [undone.name] if undone else list(GroupName) if undo == WITHDRAW_GROUP else []
        armed = next((each for name in names if (each := self._faults.find(order, name)) and each.late), None)
        if armed and armed.late:
            late, armed.late = armed.late, None
            try:
                await late()
            except ApplicationError as error:
                armed.late_error = error


def _transient_error() -> ApplicationError:
    return ApplicationError("injected", activity.info().attempt, type="INJECTED")


def _permanent_error() -> ApplicationError:
    return ApplicationError("injected", activity.info().attempt, type="INJECTED", non_retryable=True)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_group(_group: GroupTransaction) -> None:
    _kill()


async def _killed(_armed: Armed, _do: Do) -> Any:
    _kill()


async def _killed_after(_armed: Armed, do: Do) -> Any:
    await do()
    _kill()


async def _killed_inside(_armed: Armed, do: Do) -> Any:
    # Recording its steps is the last thing that a group does before it commits.
    GroupTransaction.record_done = _kill_group  # type: ignore[method-assign,assignment] # the process ends with it
    await do()


async def _refused(_armed: Armed, _do: Do) -> Any:
    raise ApplicationError(REFUSAL.sentence, type=REFUSAL.code, non_retryable=True)


async def _broken(_armed: Armed, _do: Do) -> Any:
    raise _permanent_error()


async def _down(armed: Armed, _do: Do) -> Any:
    armed.reached.set()
    # The step must not succeed by itself between two lines of a test.
    delay = None if activity.info().is_local else armed.rest
    raise ApplicationError("injected", activity.info().attempt, type="INJECTED", next_retry_delay=delay)


async def _lost(_armed: Armed, do: Do) -> Any:
    await do()
    raise _transient_error()


async def _lost_for_good(_armed: Armed, do: Do) -> Any:
    await do()
    raise _permanent_error()


async def _twice(_armed: Armed, do: Do) -> Any:
    return _check_same(await do(), await do())


async def _at_once(_armed: Armed, do: Do) -> Any:
    return _check_same(*await asyncio.gather(do(), do()))


def _check_same(first: object, second: object) -> object:
    # The second answer of a group says that its request has ended, if the first one ended it.
    if first != second and not isinstance(second, GroupResult):
        raise AssertionError(f"{second}, but the first result was {first}")
    return second


async def _flaky(armed: Armed, do: Do) -> Any:
    if armed.fired <= _FAILURES:
        raise _transient_error()
    return await do()


async def _late(armed: Armed, do: Do) -> Any:
    armed.late = do
    raise _permanent_error()


async def _paused(armed: Armed, do: Do) -> Any:
    armed.reached.set()
    await armed.wait_until_released()
    return await do()


async def _paused_after(armed: Armed, do: Do) -> Any:
    result = await do()
    armed.reached.set()
    await armed.wait_until_released()
    return result


async def _meddled(armed: Armed, do: Do) -> Any:
    armed.meddle()
    armed.reached.set()
    return await do()


_INJECT: Mapping[Fault, Callable[[Armed, Do], Awaitable[Any]]] = {
    Fault.KILLED: _killed,
    Fault.KILLED_AFTER: _killed_after,
    Fault.KILLED_INSIDE: _killed_inside,
    Fault.REFUSED: _refused,
    Fault.BROKEN: _broken,
    Fault.DOWN: _down,
    Fault.LOST: _lost,
    Fault.LOST_FOR_GOOD: _lost_for_good,
    Fault.TWICE: _twice,
    Fault.AT_ONCE: _at_once,
    Fault.FLAKY: _flaky,
    Fault.LATE: _late,
    Fault.HELD: _paused,
    Fault.PAUSED: _paused,
    Fault.PAUSED_AFTER: _paused_after,
    Fault.MEDDLED: _meddled,
}
