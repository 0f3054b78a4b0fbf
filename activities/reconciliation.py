"""Finds orders that something should be done about and no workflow is doing."""

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import islice

from pydantic import BaseModel
from temporalio import activity

from store import invariants
from store.changes import unfinished as leftovers
from store.changes.changes import unfinished
from store.database.store import Store
from telemetry.metrics import BOOKS_CHECKED, VIOLATIONS
from temporal.names import ORDER_DRAFT, StepName, draft_id

PATIENCE = timedelta(seconds=10)
"""How long a request may wait for the API to hand it over before somebody else does."""
MOST = 200
"""Orders looked after in one round; the next one comes in a minute."""
_RUNNING = f"WorkflowType = '{ORDER_DRAFT}' AND ExecutionStatus = 'Running'"


class OrphanedOrders(BaseModel):
    """What one round found."""

    orders: tuple[str, ...]
    """Orders with no workflow, but an open draft, a request without an outcome, or the rest of what was taken back."""
    overdue: int
    """Requests that nobody has taken up in time."""


class InvariantReport(BaseModel):
    """What was found wrong with the books."""

    violations: tuple[str, ...]
    """Invariants that do not hold, with the order where there is one, in our own ids."""


class ReconciliationActivities:
    """Compares the store with Temporal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @activity.defn(name=StepName.FIND_ORPHANED_ORDERS)
    async def find_orphaned_orders(self) -> OrphanedOrders:
        """Return the orders that need a run. Nothing is changed."""
        wanted, overdue = await asyncio.to_thread(self._look)
        running = {each.id async for each in activity.client().list_workflows(_RUNNING)} if wanted else set()
        strays = [order for order in wanted if draft_id(order) not in running]
        return OrphanedOrders(orders=tuple(strays[:MOST]), overdue=overdue)

    def _look(self) -> tuple[list[str], int]:
        before = self._store.now() - PATIENCE
        with self._store.read() as tx:
            left = {row.order_number for row in leftovers.residual_steps(tx)}.union(
                leftovers.orders_partially_undone(tx)
            )
            return sorted({*unfinished(tx, before), *left}), len(invariants.overdue(tx, before))

    @activity.defn(name=StepName.CHECK_INVARIANTS, no_thread_cancel_exception=True)
    def check_invariants(self) -> InvariantReport:
        """Return what does not hold of what must. It reads everything, so it takes longer as the store grows."""
        with self._store.read() as tx:
            wrong = [*islice(invariants.violations(tx), MOST)]
        found = Counter(each.invariant for each in wrong)
        for invariant in invariants.INVARIANTS:
            VIOLATIONS.labels(invariant.name).set(found[invariant.name])
        BOOKS_CHECKED.set_to_current_time()
        return InvariantReport(violations=tuple(f"{each.invariant} {each.order or '-'} {each.what}" for each in wrong))
