"""Every minute: orders whose work nobody does any more get a run that begins with what was left.

It acts only by starting an order's own workflow, so that nothing is ever done beside one.
"""

from datetime import timedelta

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from activities.reconciliation import ReconciliationActivities
from temporal.messages import StartDraft
from temporal.names import RECONCILE, System, draft_id
from temporal.search_attributes import NEEDS_ATTENTION, ORDER_NUMBER
from workflows.order_draft import OrderDraft


class StartReconciliation(BaseModel):
    """What a round starts with: which providers are outside, for the runs it starts."""

    external_systems: tuple[System, ...] = ()


class ReconciliationResult(BaseModel):
    """What a round did."""

    started: int
    overdue: int
    violations: int


@workflow.defn(name=RECONCILE)
class Reconcile:
    """Compares the store with Temporal and starts what is missing."""

    @workflow.run
    async def run(self, start: StartReconciliation) -> ReconciliationResult:
        """Look once."""
        found = await workflow.execute_activity_method(
            ReconciliationActivities.find_orphaned_orders,
            start_to_close_timeout=timedelta(seconds=30),
            schedule_to_close_timeout=timedelta(seconds=50),
            summary="compare the store with Temporal",
        )
        started = sum([await self._started(order, start.external_systems) for order in found.orders])
        violations = await self._violations()
        self._show(started, found.overdue, violations)
        return ReconciliationResult(started=started, overdue=found.overdue, violations=len(violations))

    async def _violations(self) -> tuple[str, ...]:
        """Return what is wrong with the books. That it could not be told in time is something wrong too."""
        try:
            books = await workflow.execute_activity_method(
                ReconciliationActivities.check_invariants,
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=RetryPolicy(maximum_attempts=1),
                summary="check what must be true of the books",
            )
        except ActivityError:
            return ("The books could not be checked.",)
        return books.violations

    async def _started(self, order: str, outside: tuple[System, ...]) -> bool:
        try:
            await workflow.start_child_workflow(
                OrderDraft.run,
                StartDraft(order=order, external_systems=outside, recover=True),
                id=draft_id(order),
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"Draft of order {order}, taken up again",
                search_attributes=TypedSearchAttributes([SearchAttributePair(ORDER_NUMBER, order)]),
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    def _show(self, started: int, overdue: int, violations: tuple[str, ...]) -> None:
        lines = [f"Orders taken up again: {started}. Requests overdue: {overdue}.", *violations]
        workflow.set_current_details("\n\n".join(lines))
        workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(bool(violations))])
