"""What an operator does about a stuck step: finds it, has it tried again, or says it was done by hand."""

import asyncio
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from itertools import islice

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

from api.engine import PROGRESS_LIMIT, Engine, EngineUnreachableError
from api.parts import ApiParts
from api.problems import ProblemError
from domain.by_hand import LOCAL
from domain.refusals import SecondPersonNeeded
from store import sayings, waiting
from store.events import EventType
from store.invariants import Violation, violations
from store.orders import find, locked
from store.sayings import Saying
from store.scoped import Scoped
from workflows.messages import DoneByHand, Progress, RetryNow
from workflows.names import NOTHING_STUCK, STUCK, draft_id, order_of
from workflows.order_draft import OrderDraft

MOST = 200
# So many workflows are asked at once: without a worker each answers nothing for two seconds.
AT_ONCE = 20
# Writing it on the order may take as long as one attempt at a step.
HELP_LIMIT = timedelta(seconds=10)


class Help(StrEnum):
    """What an operator may do about a stuck step; the names of the workflow's updates."""

    RETRY_NOW = "retry_now"
    DONE_BY_HAND = "done_by_hand"


_TOLD: Mapping[Help, type[RetryNow] | type[DoneByHand]] = {Help.RETRY_NOW: RetryNow, Help.DONE_BY_HAND: DoneByHand}
_REFUSED = frozenset((NOTHING_STUCK, SecondPersonNeeded.code))
_KINDS = {Help.RETRY_NOW: EventType.RETRIED_BY_HAND, Help.DONE_BY_HAND: EventType.SAID_DONE_BY_HAND}


class NotTakenError(EngineUnreachableError):
    """The workflow could not find out whether it may do as it is told: the store does not answer."""


async def stuck_orders(client: Client) -> list[str]:
    """Return the orders that wait for an operator, at most 200. Raises EngineUnreachableError."""
    try:
        async with asyncio.timeout(PROGRESS_LIMIT.total_seconds()):
            return [order_of(each.id) async for each in client.list_workflows(STUCK, limit=MOST)]
    except (TimeoutError, RPCError, RuntimeError) as error:
        raise EngineUnreachableError from error


def drift(made: ApiParts) -> list[Violation]:
    """Return what is wrong with orders within reach, at most 200; what belongs to none may be anybody's.

    That is for who is asked nothing, and for `changeover check`.
    """
    with made.store.read() as tx:
        return list(islice(_wrong(tx, known=bool(made.client)), MOST))


def _wrong(tx: Scoped, *, known: bool) -> Iterator[Violation]:
    for each in violations(tx):
        if find(tx, each.order) if each.order else not known:
            yield each


async def progress_of(engine: Engine, orders: Sequence[str]) -> list[Progress | None]:
    """Return what the workflows of some orders are doing, in their order; None for one that does not say."""
    places = asyncio.Semaphore(AT_ONCE)

    async def ask(order: str) -> Progress | None:
        async with places:
            return await engine.progress(order)

    return await asyncio.gather(*(ask(order) for order in orders))


async def help_order(made: ApiParts, order: str, how: Help, reason: str, key: str | None) -> None:
    """Have an order's stuck step tried again at once, or taken for done by hand: first it is written down who says so.

    Asked twice by one client under the same key it is done once. Raises NOTHING_STUCK and SECOND_PERSON_NEEDED, and
    EngineUnreachableError when it was not taken or could not be written on the order.
    """
    own = f"{order}/{made.client}/{how}/{key}"
    said_id = str(uuid.uuid5(uuid.NAMESPACE_URL, own) if key else uuid.uuid4())
    said = await run_in_threadpool(_said_before, made, order, how, said_id)
    if said is None:
        progress = await _progress(made.engine.client, order)
        said = await run_in_threadpool(_write_down, made, progress, how, reason, said_id)
    told = _TOLD[how](said=said, reason=reason)
    try:
        await _tell(made.engine.client, order, how, told, said_id)
    except NotTakenError:
        # Temporal keeps the failure under its id for ever. It was said once: told twice it is still done once.
        await _tell(made.engine.client, order, how, told, str(uuid.uuid4()))


def _said_before(made: ApiParts, order: str, how: Help, said_id: str) -> int | None:
    with made.store.read() as tx:
        return sayings.number_of(tx, order, _KINDS[how], said_id)


async def _progress(client: Client, order: str) -> Progress:
    """Return what an order's workflow is doing now. Raises NOTHING_STUCK and EngineUnreachableError."""
    try:
        return await client.get_workflow_handle(draft_id(order)).query(OrderDraft.progress, rpc_timeout=PROGRESS_LIMIT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise ProblemError(NOTHING_STUCK) from None
        raise EngineUnreachableError from error
    except (TimeoutError, RuntimeError, WorkflowQueryFailedError) as error:
        raise EngineUnreachableError from error


def _write_down(made: ApiParts, progress: Progress, how: Help, reason: str, said_id: str) -> int:
    stuck = progress.stuck
    if stuck is None:
        raise ProblemError(NOTHING_STUCK)
    saying = Saying(_KINDS[how], stuck.step, stuck.since, made.client or LOCAL, reason, said_id)
    with made.store.write() as tx:
        head, call = locked(tx, progress.order), waiting.last_call(tx, progress.order)
        return sayings.write_down(tx, head, call.change if call else None, saying, made.store.now())


async def _tell(client: Client, order: str, how: Help, told: RetryNow | DoneByHand, said_id: str) -> None:
    handle = client.get_workflow_handle(draft_id(order))
    try:
        async with asyncio.timeout(HELP_LIMIT.total_seconds()):
            await handle.execute_update(how, told, id=said_id)
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.type in _REFUSED:
            raise ProblemError(cause.type) from None
        raise NotTakenError from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise ProblemError(NOTHING_STUCK) from None
        raise EngineUnreachableError from error
    except (TimeoutError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise EngineUnreachableError from error
