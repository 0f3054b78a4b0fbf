"""Breaks a step of an order from outside, in one exact way, for `demo` and tests. No hook in production code."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from cli.faults.injection import EVERY_TIME, Armed, Fault, Folder
from domain.refusals import CurrencyMismatch
from temporal.names import StepName

REFUSAL = CurrencyMismatch
_FAILURES = 3

Do = Callable[[], Awaitable[Any]]


class Faults(Interceptor):
    """Armed by order and step, here or in a folder; knows what ran."""

    def __init__(self, folder: Folder | None = None) -> None:
        self._armed: dict[tuple[str, str], Armed] = {}
        self._folder = folder
        self.ran: dict[str, list[str]] = {}

    def arm(self, order: str, step: str, fault: Fault) -> Armed:
        """Break the next run of a step of an order."""
        armed = Armed(fault)
        self._armed[order, step] = armed
        return armed

    def find(self, order: str, step: str) -> Armed | None:
        """Return the fault armed here for a step."""
        return self._armed.get((order, step))

    def fire(self, order: str, step: str) -> Armed | None:
        """Return the fault that strikes a step now."""
        armed = self.find(order, step)
        if armed is None:
            return self._folder.fire(order, step) if self._folder else None
        if armed.fired and armed.fault not in EVERY_TIME:
            return None
        armed.fired += 1
        return armed

    def clear(self) -> None:
        """Disarm everything, and let go on what waits."""
        for armed in self._armed.values():
            armed.go_on.set()
        self._armed.clear()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Stand before every step."""
        return _Breaking(next, self)


class _Breaking(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, faults: Faults) -> None:
        super().__init__(inner)
        self._faults = faults

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        command = input.args[0] if input.args else None
        order, step = getattr(command, "order", None), activity.info().activity_type
        if order is None:
            return await super().execute_activity(input)
        self._faults.ran.setdefault(order, []).append(step)

        async def do() -> Any:
            return await super(_Breaking, self).execute_activity(input)

        # An operator's word ends the fault: what is left to do is ours.
        by_hand = getattr(command, "done_by_hand_reason", None)
        armed = None if by_hand else self._faults.fire(order, step)
        result = await (_BREAK[armed.fault](armed, do) if armed else do())
        await self._let_late_ones_land(order, step)
        return result

    async def _let_late_ones_land(self, order: str, undo: str) -> None:
        """After an undo, the step that was given up for lost arrives after all."""
        armed = self._faults.find(order, _UNDONE_BY.get(undo, ""))
        if armed and armed.late:
            late, armed.late = armed.late, None
            try:
                await late()
            except ApplicationError as error:
                armed.late_error = error


_UNDONE_BY: dict[str, str] = {
    StepName.RELEASE_SEATS: StepName.RESERVE_SEATS,
    StepName.RESTORE_OFFER_BUNDLE: StepName.SWAP_OFFER_BUNDLE,
    StepName.VOID_PAYMENT: StepName.AUTHORISE_PAYMENT,
}


def _broken_once() -> ApplicationError:
    return ApplicationError("injected", type="INJECTED")


def _gone_for_good() -> ApplicationError:
    return ApplicationError("injected", type="INJECTED", non_retryable=True)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _killed(_armed: Armed, _do: Do) -> Any:
    _kill()


async def _killed_after(_armed: Armed, do: Do) -> Any:
    await do()
    _kill()


async def _refused(_armed: Armed, _do: Do) -> Any:
    raise ApplicationError(REFUSAL.sentence, type=REFUSAL.code, non_retryable=True)


async def _broken(_armed: Armed, _do: Do) -> Any:
    raise _gone_for_good()


async def _down(armed: Armed, _do: Do) -> Any:
    armed.reached.set()
    # Nothing mends itself between two lines of a test.
    later = None if activity.info().is_local else armed.rest
    raise ApplicationError("injected", type="INJECTED", next_retry_delay=later)


async def _lost(_armed: Armed, do: Do) -> Any:
    await do()
    raise _broken_once()


async def _lost_for_good(_armed: Armed, do: Do) -> Any:
    await do()
    raise _gone_for_good()


async def _twice(_armed: Armed, do: Do) -> Any:
    return _same(await do(), await do())


async def _at_once(_armed: Armed, do: Do) -> Any:
    return _same(*await asyncio.gather(do(), do()))


def _same(first: object, second: object) -> object:
    if first != second:
        raise AssertionError(f"{second}, not {first} as the first time")
    return second


async def _flaky(armed: Armed, do: Do) -> Any:
    if armed.fired <= _FAILURES:
        raise _broken_once()
    return await do()


async def _late(armed: Armed, do: Do) -> Any:
    armed.late = do
    raise _gone_for_good()


async def _paused(armed: Armed, do: Do) -> Any:
    armed.reached.set()
    await armed.may_go_on()
    return await do()


async def _paused_after(armed: Armed, do: Do) -> Any:
    result = await do()
    armed.reached.set()
    await armed.may_go_on()
    return result


async def _meddled(armed: Armed, do: Do) -> Any:
    armed.meddle()
    armed.reached.set()
    return await do()


_BREAK: Mapping[Fault, Callable[[Armed, Do], Awaitable[Any]]] = {
    Fault.KILLED: _killed,
    Fault.KILLED_AFTER: _killed_after,
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
