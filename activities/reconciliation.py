"""Finds orphaned orders: orders with unfinished work and no running workflow. Checks the invariants."""

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import islice

from pydantic import BaseModel
from temporalio import activity

from activities.support.book_rounds import PaymentRounds, SeatRounds
from providers.payment_comparison import NAME as BOOKS_AGREE
from providers.protocols import Inventory, PaymentProvider
from providers.seat_comparison import NAME as SEATS_AGREE
from store import invariants
from store.changes import provider_events, unfinished
from store.changes.changes import unfinished_orders
from store.database.store import Store
from store.orders import moves
from telemetry.metrics import INVARIANTS_CHECKED, VIOLATIONS
from temporal.names import ORDER_DRAFT, StepName, draft_id

HANDOVER_TIMEOUT = timedelta(seconds=10)
"""How long the API may take to hand a request over to Temporal; after that the reconciliation starts it."""
MAX_ORDERS = 200
"""Orders started, and violations reported, in one round; the next round follows in a minute."""
_RUNNING = f"WorkflowType = '{ORDER_DRAFT}' AND ExecutionStatus = 'Running'"


class OrphanedOrders(BaseModel):
    """The orphaned orders of one round."""

    orders: tuple[str, ...]
    """Orders without a workflow, but with an open draft, a request without an outcome, or steps not undone yet."""
    overdue: int
    """How many requests no run has started in time."""
    pending_refunds: bool = False
    """Whether a provider has accepted a refund and not paid it yet."""
    provider_events: bool = False
    """Whether events of providers are not served yet."""


class InvariantReport(BaseModel):
    """The result of an invariant check."""

    violations: tuple[str, ...]
    """Violated invariants, each with its order, if it concerns one, by our own ids."""


class ReconciliationActivities:
    """Compares the store with Temporal and with the books of external providers, and checks the store itself."""

    def __init__(self, store: Store, inventory: Inventory, payments: PaymentProvider) -> None:
        self._store = store
        self._seats = SeatRounds(store, inventory)
        self._payments = PaymentRounds(store, payments)

    @activity.defn(name=StepName.FIND_ORPHANED_ORDERS)
    async def find_orphaned_orders(self) -> OrphanedOrders:
        """Return the orders that need a run. It changes nothing."""
        candidates, found = await asyncio.to_thread(self._find_candidates)
        running = {each.id async for each in activity.client().list_workflows(_RUNNING)} if candidates else set()
        orphans = [order for order in candidates if draft_id(order) not in running]
        return found.model_copy(update={"orders": tuple(orphans[:MAX_ORDERS])})

    def _find_candidates(self) -> tuple[list[str], OrphanedOrders]:
        """Return the orders with unfinished work, and what else a round has to do."""
        before = self._store.now() - HANDOVER_TIMEOUT
        with self._store.read() as tx:
            not_undone = {row.order_number for row in unfinished.residual_steps(tx)}.union(
                unfinished.orders_partially_undone(tx)
            )
            orders = sorted({*unfinished_orders(tx, before), *not_undone})
            return orders, OrphanedOrders(
                orders=(),
                overdue=len(invariants.overdue(tx, before)),
                pending_refunds=bool(moves.pending(tx, 1)),
                provider_events=provider_events.any_unserved(tx, before),
            )

    @activity.defn(name=StepName.CHECK_INVARIANTS, no_thread_cancel_exception=True)
    def check_invariants(self) -> InvariantReport:
        """Return the violated invariants, and what differs at external providers that list their books.

        It reads the whole store, so it takes longer as the store grows.
        """
        with self._store.read() as tx:
            violations = [*islice(invariants.violations(tx), MAX_ORDERS)]
        for rounds in (self._seats, self._payments):
            # To the end, so that each tenant's differences are known to the next round.
            violations += [*rounds.run()][:MAX_ORDERS]
        counts = Counter(each.invariant for each in violations)
        for name in (*(invariant.name for invariant in invariants.INVARIANTS), SEATS_AGREE, BOOKS_AGREE):
            VIOLATIONS.labels(name).set(counts[name])
        INVARIANTS_CHECKED.set_to_current_time()
        return InvariantReport(
            violations=tuple(f"{each.invariant} {each.order or '-'} {each.what}" for each in violations)
        )
