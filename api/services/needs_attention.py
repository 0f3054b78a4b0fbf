"""What waits for an operator: orders with a stuck step, and what is wrong with the books."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice

from starlette.concurrency import run_in_threadpool
from temporalio.client import RPCError, WorkflowExecution, WorkflowExecutionAsyncIterator

from api.context import ApiContext
from api.workflow_client import PROGRESS_TIMEOUT, OrderWorkflowClient, TemporalUnavailableError
from store.database.tenant_session import TenantSession
from store.invariants import Violation, violations
from store.orders.orders import find
from store.views.order_list import visible_among
from temporal.messages import Progress
from temporal.names import order_of
from temporal.search_attributes import NEEDS_ATTENTION_QUERY

MAX_ORDERS = 200
# So many workflows are asked at once: without a worker each answers nothing for two seconds.
AT_ONCE = 20


async def stuck_orders(ctx: ApiContext) -> list[str]:
    """Return the orders within reach that wait for an operator, at most 200. Raises EngineUnreachableError.

    Temporal's list is everybody's: it is read on until there are as many, however many of others come first.
    """
    found: list[str] = []
    async for page in _pages(ctx.workflow_client.client.list_workflows(NEEDS_ATTENTION_QUERY, page_size=MAX_ORDERS)):
        found += await run_in_threadpool(_mine, ctx, [order_of(each.id) for each in page])
        if len(found) >= MAX_ORDERS:
            break
    return found[:MAX_ORDERS]


async def _pages(listed: WorkflowExecutionAsyncIterator) -> AsyncIterator[Sequence[WorkflowExecution]]:
    more = True
    while more:
        try:
            async with asyncio.timeout(PROGRESS_TIMEOUT.total_seconds()):
                await listed.fetch_next_page()
        except (TimeoutError, RPCError, RuntimeError) as error:
            raise TemporalUnavailableError from error
        yield listed.current_page or ()
        more = listed.next_page_token is not None


def _mine(ctx: ApiContext, orders: Sequence[str]) -> list[str]:
    with ctx.store.read() as tx:
        return visible_among(tx, orders)


def discrepancies(ctx: ApiContext) -> list[Violation]:
    """Return what is wrong with orders within reach, at most 200; what belongs to none may be anybody's.

    That is for who is asked nothing, and for `changeover check`.
    """
    with ctx.store.read() as tx:
        return list(islice(_wrong(tx, known=bool(ctx.client)), MAX_ORDERS))


def _wrong(tx: TenantSession, *, known: bool) -> Iterator[Violation]:
    for each in violations(tx):
        if find(tx, each.order) if each.order else not known:
            yield each


async def progress_of(engine: OrderWorkflowClient, orders: Sequence[str]) -> list[Progress | None]:
    """Return what the workflows of some orders are doing, in their order; None for one that does not say."""
    places = asyncio.Semaphore(AT_ONCE)

    async def ask(order: str) -> Progress | None:
        async with places:
            return await engine.progress(order)

    return await asyncio.gather(*(ask(order) for order in orders))
