"""Finds what needs an operator: orders with a stuck step, and violated invariants."""

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
# The number of concurrent queries: without a worker each query takes its full timeout of two seconds.
MAX_CONCURRENT_QUERIES = 20


async def stuck_orders(ctx: ApiContext) -> list[str]:
    """Return the visible orders that need attention, at most 200. Raise TemporalUnavailableError.

    Temporal lists the orders of all tenants, so its pages are read until 200 visible orders are found.
    """
    visible: list[str] = []
    async for page in _pages(ctx.workflow_client.client.list_workflows(NEEDS_ATTENTION_QUERY, page_size=MAX_ORDERS)):
        visible += await run_in_threadpool(_visible, ctx, [order_of(each.id) for each in page])
        if len(visible) >= MAX_ORDERS:
            break
    return visible[:MAX_ORDERS]


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


def _visible(ctx: ApiContext, orders: Sequence[str]) -> list[str]:
    with ctx.store.read() as tx:
        return visible_among(tx, orders)


def discrepancies(ctx: ApiContext) -> list[Violation]:
    """Return the violated invariants of visible orders, at most 200.

    A violation without an order may belong to any tenant. Only an API without authentication and
    `changeover check` show it.
    """
    with ctx.store.read() as tx:
        return list(islice(_visible_violations(tx, authenticated=bool(ctx.client)), MAX_ORDERS))


def _visible_violations(tx: TenantSession, *, authenticated: bool) -> Iterator[Violation]:
    for each in violations(tx):
        if find(tx, each.order) if each.order else not authenticated:
            yield each


async def progress_of(workflow_client: OrderWorkflowClient, orders: Sequence[str]) -> list[Progress | None]:
    """Return the progress of the workflows of some orders, in the same sequence; None where the query failed."""
    slots = asyncio.Semaphore(MAX_CONCURRENT_QUERIES)

    async def query(order: str) -> Progress | None:
        async with slots:
            return await workflow_client.progress(order)

    return await asyncio.gather(*(query(order) for order in orders))
