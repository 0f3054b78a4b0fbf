"""Breaks one step of one order, from outside, in one exact way. No hook in production code."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.refusals import CurrencyMismatch
from temporal.names import StepName

INJECTED_REFUSAL = CurrencyMismatch


class Fault(Enum):
    """How a step goes wrong."""

    REFUSED = "refused before it does anything"
    BROKEN = "breaks for good before it does anything"
    LOST = "does it, loses the answer, is retried"
    LOST_FOR_GOOD = "does it, and every answer is lost"
    DOWN = "fails at every attempt, having done nothing"
    TWICE = "runs twice"
    AT_ONCE = "runs twice at once"
    FLAKY = "fails three times, having done nothing"
    LATE = "breaks for good, and lands after its undo"
    HELD = "waits at every attempt, having done nothing yet"
    PAUSED = "waits, having done nothing yet"
    PAUSED_AFTER = "waits, having done it"
    MEDDLED = "somebody breaks something outside as it begins"


@dataclass
class Armed:
    """One fault, and what became of it."""

    fault: Fault
    fired: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    meddle: Callable[[], None] = lambda: None
    late: Callable[[], Awaitable[Any]] | None = None
    late_error: BaseException | None = None


class Faults(Interceptor):
    """Armed by order and step; knows what ran."""

    def __init__(self) -> None:
        self._armed: dict[tuple[str, str], Armed] = {}
        self.ran: dict[str, list[str]] = {}

    def arm(self, order: str, step: str, fault: Fault) -> Armed:
        """Break the next run of a step of an order."""
        armed = Armed(fault)
        self._armed[order, step] = armed
        return armed

    def find(self, order: str, step: str) -> Armed | None:
        """Return the fault armed for a step."""
        return self._armed.get((order, step))

    def clear(self) -> None:
        """Disarm everything, and let go on what waits."""
        for armed in self._armed.values():
            armed.go_on.set()
        self._armed.clear()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Breaking(next, self)


class _Breaking(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, faults: Faults) -> None:
        super().__init__(inner)
        self._faults = faults

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        if not input.args:
            return await super().execute_activity(input)
        step, command = activity.info().activity_type, input.args[0]
        self._faults.ran.setdefault(command.order, []).append(step)
        armed = self._faults.find(command.order, step)

        async def do() -> Any:
            return await super(_Breaking, self).execute_activity(input)

        by_hand = getattr(command, "by_hand", None)
        # An operator's word ends the fault: what is left to do is ours.
        if armed is None or by_hand or (armed.fired and armed.fault not in _EVERY_TIME):
            result = await do()
        else:
            armed.fired += 1
            result = await _BREAK[armed.fault](armed, do)
        await self._let_late_ones_land(command.order, step)
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


def _gone_for_good() -> ApplicationError:
    return ApplicationError("injected", type="INJECTED", non_retryable=True)


async def _refused(_armed: Armed, _do: Callable[[], Awaitable[Any]]) -> Any:
    raise ApplicationError("injected", type=INJECTED_REFUSAL.code, non_retryable=True)


async def _broken(_armed: Armed, _do: Callable[[], Awaitable[Any]]) -> Any:
    raise _gone_for_good()


async def _down(armed: Armed, _do: Callable[[], Awaitable[Any]]) -> Any:
    armed.reached.set()
    # Tried again only when somebody asks: nothing mends itself between two lines of a test.
    later = None if activity.info().is_local else timedelta(minutes=1)
    raise ApplicationError("injected", type="INJECTED", next_retry_delay=later)


async def _lost(_armed: Armed, do: Callable[[], Awaitable[Any]]) -> Any:
    await do()
    raise ApplicationError("injected", type="INJECTED")


async def _lost_for_good(_armed: Armed, do: Callable[[], Awaitable[Any]]) -> Any:
    await do()
    raise _gone_for_good()


async def _twice(_armed: Armed, do: Callable[[], Awaitable[Any]]) -> Any:
    first = await do()
    second = await do()
    assert first == second
    return second


async def _at_once(_armed: Armed, do: Callable[[], Awaitable[Any]]) -> Any:
    first, second = await asyncio.gather(do(), do())
    assert first == second
    return first


async def _flaky(armed: Armed, do: Callable[[], Awaitable[Any]]) -> Any:
    if armed.fired <= _FAILURES:
        raise ApplicationError("injected", type="INJECTED")
    return await do()


async def _late(armed: Armed, do: Callable[[], Awaitable[Any]]) -> Any:
    armed.late = do
    raise _gone_for_good()


async def _paused(armed: Armed, do: Callable[[], Awaitable[Any]]) -> Any:
    armed.reached.set()
    await armed.go_on.wait()
    return await do()


async def _paused_after(armed: Armed, do: Callable[[], Awaitable[Any]]) -> Any:
    result = await do()
    armed.reached.set()
    await armed.go_on.wait()
    return result


async def _meddled(armed: Armed, do: Callable[[], Awaitable[Any]]) -> Any:
    armed.meddle()
    armed.reached.set()
    return await do()


_FAILURES = 3
_EVERY_TIME = (Fault.LOST_FOR_GOOD, Fault.HELD, Fault.DOWN, Fault.FLAKY)
_BREAK: dict[Fault, Callable[[Armed, Callable[[], Awaitable[Any]]], Awaitable[Any]]] = {
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
