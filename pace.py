"""Whether Temporal dispatches tasks as fast as it can: a server nobody tuned rations them to 20 a second."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from time import perf_counter

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from hops import dispatched
from telemetry.metrics import DISPATCH_SECONDS

log = logging.getLogger(__name__)

FAST = 0.04
"""Seconds. A rationed dispatch takes 0.05, another one about 0.01 where the server is near."""
SETTLED_SECONDS = 5.0
"""A worker that has just started is busy with itself; one that dies at once has not asked for anything."""
_CALLS = 9
PATIENCE = timedelta(seconds=10)

RATIONED = "DISPATCH_RATIONED"
"""The server keeps tasks back."""
FAR_AWAY = "DISPATCH_FAR_AWAY"
"""A call that does nothing already takes half as long: it is the way there, or a machine with too much to do."""
_SAID = {
    RATIONED: "Temporal dispatches slowly: raise history.transferProcessorMaxPollRPS (docs/operations.md)",
    FAR_AWAY: "Temporal dispatches slowly: it is far away or a machine is busy (docs/operations.md)",
}


class NotMeasuredError(Exception):
    """It could not be told; the text is a code."""


@dataclass(frozen=True)
class Pace:
    """What a dispatch takes, there and back, and what a call that does nothing does: medians, in seconds."""

    dispatch: float
    call: float
    free: bool
    """Whether more were to be had than a server that rations gives."""

    @property
    def slow(self) -> str | None:
        """The code of what is likely wrong; None when it is fast enough."""
        if self.dispatch <= FAST:
            return None
        return FAR_AWAY if self.free or self.call > self.dispatch / 2 else RATIONED


async def tell_pace(client: Client) -> None:
    """Measure once, keep it as a gauge, and warn when it is slow. Whatever goes wrong, it is no more than a line."""
    await asyncio.sleep(SETTLED_SECONDS)
    try:
        pace = await measured(client)
    except Exception as error:  # noqa: BLE001 - a worker works without knowing
        code = str(error) if isinstance(error, NotMeasuredError) else type(error).__name__
        log.info("how long Temporal takes to dispatch could not be measured", extra={"code": code})
        return
    DISPATCH_SECONDS.set(pace.dispatch)
    took = round(pace.dispatch * 1000, 1)
    if pace.slow:
        log.warning(_SAID[pace.slow], extra={"code": pace.slow, "ms": took})
    else:
        log.info("Temporal dispatches at once", extra={"ms": took})


async def measured(client: Client, patience: timedelta = PATIENCE) -> Pace:
    """Return what a dispatch takes here and now; NotMeasuredError when it cannot be told within the patience."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            call = median([await _call(client) for _ in range(_CALLS)])
            found = await dispatched(client, FAST, patience)
            return Pace(found.seconds, call, found.free)
    except TimeoutError as error:
        raise NotMeasuredError("TIMED_OUT") from error
    except RPCError as error:
        raise NotMeasuredError(error.status.name) from error


async def _call(client: Client) -> float:
    began = perf_counter()
    await client.workflow_service.get_system_info(GetSystemInfoRequest())
    return perf_counter() - began
