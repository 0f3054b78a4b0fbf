"""The schedule in Temporal that starts a reconciliation every minute (workflows/reconcile.py)."""

from dataclasses import replace

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
)

from runtime.settings import Settings
from temporal.names import ORDERS_QUEUE, RECONCILE_ID, System
from workflows.reconcile import Reconcile, StartReconciliation


async def ensure_reconcile_schedule(client: Client, settings: Settings, external_systems: tuple[System, ...]) -> None:
    """Create the schedule, or update its action if it exists. An operator may pause it or change its interval."""
    action = ScheduleActionStartWorkflow(
        Reconcile.run,
        StartReconciliation(external_systems=external_systems, reseats_by_itself=bool(settings.reseat)),
        id=RECONCILE_ID,
        task_queue=ORDERS_QUEUE,
        static_summary="Find orphaned orders and check the invariants",
    )
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=settings.reconcile_every)])
    schedule = Schedule(action=action, spec=spec, policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP))
    try:
        await client.create_schedule(RECONCILE_ID, schedule)
    except ScheduleAlreadyRunningError:
        # The interval is the operator's to choose; the action must name the external systems and the way out of today.
        handle = client.get_schedule_handle(RECONCILE_ID)
        await handle.update(lambda at: ScheduleUpdate(replace(at.description.schedule, action=action)))
