"""The reconciliation, every minute: an orphaned order gets a new run, which first finishes its unfinished work.

It acts only by starting the order's own workflow, so that only one run ever works on an order.
"""

from datetime import timedelta

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from activities.pending_refunds import PendingRefundActivities
from activities.provider_event_rounds import ProviderEventActivities
from activities.reconciliation import ReconciliationActivities
from temporal.messages import StartDraft
from temporal.names import RECONCILE, System, draft_id
from temporal.search_attributes import NEEDS_ATTENTION, ORDER_NUMBER
from workflows.order_draft import OrderDraft


class StartReconciliation(BaseModel):
    """The input of a round: the external systems, for the runs that it starts."""

    external_systems: tuple[System, ...] = ()
    reseats_by_itself: bool = False
    """As in StartDraft."""


class ReconciliationResult(BaseModel):
    """The result of a round."""

    started: int
    overdue: int
    violations: int


@workflow.defn(name=RECONCILE)
class Reconcile:
    """Compares the store with Temporal and starts the missing runs."""

    @workflow.run
    async def run(self, start: StartReconciliation) -> ReconciliationResult:
        """Run one round."""
        orphans = await workflow.execute_activity_method(
            ReconciliationActivities.find_orphaned_orders,
            start_to_close_timeout=timedelta(seconds=30),
            schedule_to_close_timeout=timedelta(seconds=50),
            summary="compare the store with Temporal",
        )
        started = sum([await self._start_run(order, start) for order in orphans.orders])
        if orphans.pending_refunds:
            await self._check_pending_refunds()
        if orphans.provider_events:
            await self._submit_provider_events()
        violations = await self._violations()
        self._show_result(started, orphans.overdue, violations)
        return ReconciliationResult(started=started, overdue=orphans.overdue, violations=len(violations))

    async def _check_pending_refunds(self) -> None:
        """Look at refunds that are accepted and not paid yet. What fails is done again in the next round."""
        try:
            await workflow.execute_activity_method(
                PendingRefundActivities.check_pending_refunds,
                start_to_close_timeout=timedelta(seconds=50),
                retry_policy=RetryPolicy(maximum_attempts=1),
                summary="look at pending refunds",
            )
        except ActivityError:
            workflow.logger.warning("pending refunds not looked at")

    async def _submit_provider_events(self) -> None:
        """Submit the events of providers that are not served. What fails is done again in the next round."""
        try:
            await workflow.execute_activity_method(
                ProviderEventActivities.submit_provider_events,
                start_to_close_timeout=timedelta(seconds=50),
                retry_policy=RetryPolicy(maximum_attempts=1),
                summary="submit provider events",
            )
        except ActivityError:
            workflow.logger.warning("provider events not submitted")

    async def _violations(self) -> tuple[str, ...]:
        """Return the invariant violations. A check that does not end in time counts as a violation too."""
        try:
            report = await workflow.execute_activity_method(
                ReconciliationActivities.check_invariants,
                start_to_close_timeout=timedelta(seconds=45),
                retry_policy=RetryPolicy(maximum_attempts=1),
                summary="check the invariants",
            )
        except ActivityError:
            return ("The invariants could not be checked.",)
        return report.violations

    async def _start_run(self, order: str, start: StartReconciliation) -> bool:
        settings = {"external_systems": start.external_systems, "reseats_by_itself": start.reseats_by_itself}
        try:
            await workflow.start_child_workflow(
                OrderDraft.run,
                StartDraft(order=order, recover=True, **settings),
                id=draft_id(order),
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"Draft of order {order}, recovered",
                search_attributes=TypedSearchAttributes([SearchAttributePair(ORDER_NUMBER, order)]),
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    def _show_result(self, started: int, overdue: int, violations: tuple[str, ...]) -> None:
        lines = [f"Orders recovered: {started}. Requests overdue: {overdue}.", *violations]
        workflow.set_current_details("\n\n".join(lines))
        workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(bool(violations))])
