"""Operator actions on a stuck step: retry now, or done by hand. The operator's statement is recorded first."""

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
from temporal.names import NOT_BY_HAND, NOTHING_STUCK, draft_id
from workflows.order_draft import OrderDraft

# The workflow checks the statement in the store, which may take as long as one attempt of a step.
ACTION_TIMEOUT = timedelta(seconds=10)


class OperatorAction(StrEnum):
    """The actions on a stuck step; the values are the names of the workflow's updates."""

    RETRY_NOW = "retry_now"
    DONE_BY_HAND = "done_by_hand"


_INPUTS: Mapping[OperatorAction, type[RetryNow] | type[DoneByHand]] = {
    OperatorAction.RETRY_NOW: RetryNow,
    OperatorAction.DONE_BY_HAND: DoneByHand,
}
_REFUSED = frozenset((NOTHING_STUCK, NOT_BY_HAND, SecondPersonNeeded.code))
_EVENT_TYPES = {
    OperatorAction.RETRY_NOW: EventType.RETRY_REQUESTED,
    OperatorAction.DONE_BY_HAND: EventType.DONE_BY_HAND_STATED,
}


class ActionNotAcceptedError(TemporalUnavailableError):
    """The workflow could not check the operator's statement because the store does not answer."""


async def perform(ctx: ApiContext, order: str, action: OperatorAction, reason: str, key: str | None) -> None:
    """Record the operator's statement on the order, then retry its stuck step or mark the step as done by hand.

    A repeated call of one client with the same idempotency key has no further effect. Raise
    NOTHING_STUCK, NOT_BY_HAND, SECOND_PERSON_NEEDED, and TemporalUnavailableError if the workflow did not accept the
    action or the statement could not be checked.
    """
    scoped_key = f"{order}/{ctx.client}/{action}/{key}"
    statement_id = str(uuid.uuid5(uuid.NAMESPACE_URL, scoped_key) if key else uuid.uuid4())
    event_number = await run_in_threadpool(_find_statement, ctx, order, action, statement_id)
    if event_number is None:
        progress = await _query_progress(ctx.workflow_client.client, order)
        event_number = await run_in_threadpool(_record_statement, ctx, progress, action, reason, statement_id)
    update = _INPUTS[action](statement_event=event_number, reason=reason)
    try:
        await _send_update(ctx.workflow_client.client, order, action, update, statement_id)
    except ActionNotAcceptedError:
        # Temporal caches a failed update under its id, so retry with a new update id; the recorded statement makes
        # the action idempotent.
        await _send_update(ctx.workflow_client.client, order, action, update, str(uuid.uuid4()))


def _find_statement(ctx: ApiContext, order: str, action: OperatorAction, statement_id: str) -> int | None:
    with ctx.store.read() as tx:
        return operator_statements.number_of(tx, order, _EVENT_TYPES[action], statement_id)


async def _query_progress(client: Client, order: str) -> Progress:
    """Return the progress of an order's workflow. Raise NOTHING_STUCK and TemporalUnavailableError."""
    with _translated_errors():
        return await client.get_workflow_handle(draft_id(order)).query(
            OrderDraft.progress, rpc_timeout=PROGRESS_TIMEOUT
        )


def _record_statement(
    ctx: ApiContext, progress: Progress, action: OperatorAction, reason: str, statement_id: str
) -> int:
    stuck = progress.stuck
    if stuck is None:
        raise ProblemError(NOTHING_STUCK)
    if action is OperatorAction.DONE_BY_HAND and not stuck.by_hand:
        raise ProblemError(NOT_BY_HAND)
    statement = OperatorStatement(
        _EVENT_TYPES[action], stuck.step, stuck.since, ctx.client or LOCAL, reason, statement_id
    )
    with ctx.store.write() as tx:
        order_row = lock_order(tx, progress.order)
        attention = work_queue.last_attention_event(tx, progress.order)
        return operator_statements.record(
            tx, order_row, attention.change if attention else None, statement, ctx.store.now()
        )


async def _send_update(
    client: Client, order: str, action: OperatorAction, update: RetryNow | DoneByHand, update_id: str
) -> None:
    handle = client.get_workflow_handle(draft_id(order))
    with _translated_errors():
        async with asyncio.timeout(ACTION_TIMEOUT.total_seconds()):
            await handle.execute_update(action, update, id=update_id)


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Translate Temporal's errors.

    Raise NOTHING_STUCK, NOT_BY_HAND, SECOND_PERSON_NEEDED, ActionNotAcceptedError or TemporalUnavailableError.
    """
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
