"""What an operator does about a stuck step: finds it, has it tried again, or says it was done by hand."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from temporalio.client import (
    Client,
    RPCError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCStatusCode

from api.engine import PROGRESS_LIMIT, Engine, EngineUnreachableError
from workflows.messages import DoneByHand, Progress, RetryNow
from workflows.names import NOTHING_STUCK, STUCK, draft_id, order_of

MOST = 200
# So many workflows are asked at once: without a worker each answers nothing for two seconds.
AT_ONCE = 20
# Writing it on the order may take as long as one attempt at a step.
HELP_LIMIT = timedelta(seconds=10)


class Help(StrEnum):
    """What an operator may do about a stuck step; the names of the workflow's updates."""

    RETRY_NOW = "retry_now"
    DONE_BY_HAND = "done_by_hand"


class NothingStuckError(Exception):
    """No step of the order is stuck."""


async def stuck_orders(client: Client) -> list[str]:
    """Return the orders that wait for an operator, at most 200. Raises EngineUnreachableError."""
    try:
        async with asyncio.timeout(PROGRESS_LIMIT.total_seconds()):
            return [order_of(each.id) async for each in client.list_workflows(STUCK, limit=MOST)]
    except (TimeoutError, RPCError, RuntimeError) as error:
        raise EngineUnreachableError from error


async def progress_of(engine: Engine, orders: Sequence[str]) -> list[Progress | None]:
    """Return what the workflows of some orders are doing, in their order; None for one that does not say."""
    places = asyncio.Semaphore(AT_ONCE)

    async def ask(order: str) -> Progress | None:
        async with places:
            return await engine.progress(order)

    return await asyncio.gather(*(ask(order) for order in orders))


async def help_order(client: Client, order: str, how: Help, reason: str, once: str | None = None) -> None:
    """Have an order's stuck step tried again at once, or taken for done by hand.

    Asked twice under the same `once` it is done once. Raises NothingStuckError, and EngineUnreachableError
    when it was not taken or could not be written on the order.
    """
    said = RetryNow(reason=reason) if how is Help.RETRY_NOW else DoneByHand(reason=reason)
    handle = client.get_workflow_handle(draft_id(order))
    try:
        async with asyncio.timeout(HELP_LIMIT.total_seconds()):
            await handle.execute_update(how, said, id=once)
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.type == NOTHING_STUCK:
            raise NothingStuckError from error
        raise EngineUnreachableError from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NothingStuckError from error
        raise EngineUnreachableError from error
    except (TimeoutError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise EngineUnreachableError from error
