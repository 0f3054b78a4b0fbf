"""Helping a stuck step: it is tried again now, or taken for done by hand. First it is written down who says so."""

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum

from starlette.concurrency import run_in_threadpool
from temporalio.client import (
    Client,
    RPCError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCStatusCode

from api.context import ApiContext
from api.errors.problems import ProblemError
from api.workflow_client import PROGRESS_TIMEOUT, TemporalUnavailableError
from domain.dual_control import LOCAL
from domain.refusals import SecondPersonNeeded
from store.changes import operator_statements
from store.changes.operator_statements import OperatorStatement
from store.orders.events import EventType
from store.orders.orders import lock_order
from store.views import work_queue
from temporal.messages import DoneByHand, Progress, RetryNow
from temporal.names import NOTHING_STUCK, draft_id
from workflows.order_draft import OrderDraft

# Writing it on the order may take as long as one attempt at a step.
ACTION_TIMEOUT = timedelta(seconds=10)


class OperatorAction(StrEnum):
    """What an operator may do about a stuck step; the names of the workflow's updates."""

    RETRY_NOW = "retry_now"
    DONE_BY_HAND = "done_by_hand"


_TOLD: Mapping[OperatorAction, type[RetryNow] | type[DoneByHand]] = {
    OperatorAction.RETRY_NOW: RetryNow,
    OperatorAction.DONE_BY_HAND: DoneByHand,
}
_REFUSED = frozenset((NOTHING_STUCK, SecondPersonNeeded.code))
_KINDS = {
    OperatorAction.RETRY_NOW: EventType.RETRY_REQUESTED,
    OperatorAction.DONE_BY_HAND: EventType.DONE_BY_HAND_STATED,
}


class ActionNotAcceptedError(TemporalUnavailableError):
    """The workflow could not find out whether it may do as it is told: the store does not answer."""


async def perform(ctx: ApiContext, order: str, how: OperatorAction, reason: str, key: str | None) -> None:
    """Have an order's stuck step tried again at once, or taken for done by hand: first it is written down who says so.

    Asked twice by one client under the same key it is done once. Raises NOTHING_STUCK and SECOND_PERSON_NEEDED, and
    EngineUnreachableError when it was not taken or could not be written on the order.
    """
    own = f"{order}/{ctx.client}/{how}/{key}"
    said_id = str(uuid.uuid5(uuid.NAMESPACE_URL, own) if key else uuid.uuid4())
    said = await run_in_threadpool(_said_before, ctx, order, how, said_id)
    if said is None:
        progress = await _progress(ctx.workflow_client.client, order)
        said = await run_in_threadpool(_write_down, ctx, progress, how, reason, said_id)
    told = _TOLD[how](statement_event=said, reason=reason)
    try:
        await _tell(ctx.workflow_client.client, order, how, told, said_id)
    except ActionNotAcceptedError:
        # Temporal keeps the failure under its id for ever. It was said once: told twice it is still done once.
        await _tell(ctx.workflow_client.client, order, how, told, str(uuid.uuid4()))


def _said_before(ctx: ApiContext, order: str, how: OperatorAction, said_id: str) -> int | None:
    with ctx.store.read() as tx:
        return operator_statements.number_of(tx, order, _KINDS[how], said_id)


async def _progress(client: Client, order: str) -> Progress:
    """Return what an order's workflow is doing now. Raises NOTHING_STUCK and EngineUnreachableError."""
    with _asking_its_run():
        return await client.get_workflow_handle(draft_id(order)).query(
            OrderDraft.progress, rpc_timeout=PROGRESS_TIMEOUT
        )


def _write_down(ctx: ApiContext, progress: Progress, how: OperatorAction, reason: str, said_id: str) -> int:
    stuck = progress.stuck
    if stuck is None:
        raise ProblemError(NOTHING_STUCK)
    saying = OperatorStatement(_KINDS[how], stuck.step, stuck.since, ctx.client or LOCAL, reason, said_id)
    with ctx.store.write() as tx:
        head, call = lock_order(tx, progress.order), work_queue.last_attention_event(tx, progress.order)
        return operator_statements.record(tx, head, call.change if call else None, saying, ctx.store.now())


async def _tell(client: Client, order: str, how: OperatorAction, told: RetryNow | DoneByHand, said_id: str) -> None:
    handle = client.get_workflow_handle(draft_id(order))
    with _asking_its_run():
        async with asyncio.timeout(ACTION_TIMEOUT.total_seconds()):
            await handle.execute_update(how, told, id=said_id)


@contextmanager
def _asking_its_run() -> Iterator[None]:
    """Turn what Temporal answers into NOTHING_STUCK, SECOND_PERSON_NEEDED, NotTakenError or EngineUnreachableError."""
    try:
        yield
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.type in _REFUSED:
            raise ProblemError(cause.type) from None
        raise ActionNotAcceptedError from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise ProblemError(NOTHING_STUCK) from None
        raise TemporalUnavailableError from error
    except (
        TimeoutError,
        RuntimeError,
        WorkflowQueryFailedError,
        WorkflowUpdateRPCTimeoutOrCancelledError,
    ) as error:
        raise TemporalUnavailableError from error
