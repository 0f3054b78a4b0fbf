"""The worker: Temporal's Worker on the real parts (runtime/bootstrap.py), and what runs beside it."""

import asyncio
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

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
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.envconfig import ClientConfig
from temporalio.service import RetryConfig
from temporalio.worker import Interceptor, Worker, WorkerDeploymentConfig

from activities.support.errors import FailureInterceptor
from activities.support.step_metrics import StepMetricsInterceptor
from runtime.bootstrap import Components, build_activities, build_components, build_webhook_activities
from runtime.heartbeat import HealthCheck, write_heartbeat
from runtime.observability import Observability, collectors, observability
from runtime.outbox_relay import OutboxRelay
from runtime.settings import Settings
from runtime.startup_checks import check_database, check_temporal_server
from store.database.store import Store
from telemetry.metrics_server import metrics_served
from temporal.data_converter import DATA_CONVERTER
from temporal.names import DEPLOYMENT, ORDERS_QUEUE, RECONCILE_ID, WEBHOOKS_QUEUE, System, queue_of
from workflows.deliver_events import DeliverEvents
from workflows.order_draft import OrderDraft
from workflows.reconcile import Reconcile, StartReconciliation
from workflows.sandbox import runner


async def connect(
    settings: Settings,
    *,
    lazy: bool = False,
    retry: RetryConfig | None = None,
    observability: Observability | None = None,
) -> Client:
    """Connect to Temporal by its environment profile, or to the address in the settings; processes tell of it."""
    config: dict[str, Any] = {"target_host": settings.temporal_address}
    config |= ClientConfig.load_client_connect_config()
    config |= {"runtime": observability.runtime, "plugins": observability.plugins} if observability else {}
    return await Client.connect(**config, data_converter=DATA_CONVERTER, lazy=lazy, retry_config=retry)


def workers(
    client: Client,
    components: Components,
    settings: Settings,
    executor: ThreadPoolExecutor,
    extra: Sequence[Interceptor] = (),
) -> list[Worker]:
    """Return the worker for orders, and one for each provider outside."""
    common: dict[str, Any] = {
        "activities": build_activities(components),
        "activity_executor": executor,
        "max_concurrent_activities": settings.threads,
        "max_concurrent_local_activities": settings.threads,
        "interceptors": [StepMetricsInterceptor(), *extra, FailureInterceptor()],
        "graceful_shutdown_timeout": timedelta(seconds=settings.shutdown_seconds),
        "deployment_config": _deployment(settings.build),
    }
    orders = Worker(
        client,
        task_queue=ORDERS_QUEUE,
        workflows=[OrderDraft, Reconcile],
        workflow_runner=runner(sandboxed=settings.sandboxed),
        max_cached_workflows=settings.cached_drafts,
        max_concurrent_workflow_tasks=settings.drafts_at_once,
        # A killed worker's drafts are picked up by another as soon as this has passed.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        **common,
    )
    return [orders, *(Worker(client, task_queue=queue_of(place), **common) for place in components.external_systems)]


def webhook_worker(
    client: Client, components: Components, settings: Settings, extra: Sequence[Interceptor] = ()
) -> Worker:
    """Return the worker that delivers events."""
    return Worker(
        client,
        task_queue=WEBHOOKS_QUEUE,
        workflows=[DeliverEvents],
        workflow_runner=runner(sandboxed=settings.sandboxed),
        activities=build_webhook_activities(components),
        max_concurrent_activities=settings.webhooks_at_once,
        max_cached_workflows=settings.cached_drafts,
        interceptors=[*extra, FailureInterceptor()],
        graceful_shutdown_timeout=timedelta(seconds=settings.shutdown_seconds),
        # Deliveries of days go on with the newest build: an old one is not kept running for them.
        deployment_config=_deployment(settings.build, VersioningBehavior.AUTO_UPGRADE),
    )


def _deployment(build: str, behaviour: VersioningBehavior = VersioningBehavior.PINNED) -> WorkerDeploymentConfig | None:
    """Return what makes a run stay with the build that began it, or go with the newest, if builds have names here."""
    if not build:
        return None
    version = WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=build)
    return WorkerDeploymentConfig(version=version, use_worker_versioning=True, default_versioning_behavior=behaviour)


async def keep_reconciling(client: Client, settings: Settings, outside: tuple[System, ...]) -> None:
    """See that the schedule exists that takes up again what nobody does any more; an operator may change it."""
    action = ScheduleActionStartWorkflow(
        Reconcile.run,
        StartReconciliation(external_systems=outside),
        id=RECONCILE_ID,
        task_queue=ORDERS_QUEUE,
        static_summary="Look for orders that nobody looks after",
    )
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=settings.reconcile_every)])
    schedule = Schedule(action=action, spec=spec, policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP))
    try:
        await client.create_schedule(RECONCILE_ID, schedule)
    except ScheduleAlreadyRunningError:
        # When it is done is the operator's; what is done knows which providers are outside now.
        handle = client.get_schedule_handle(RECONCILE_ID)
        await handle.update(lambda at: ScheduleUpdate(replace(at.description.schedule, action=action)))


async def _beat(path: Path | None, client: Client, store: Store) -> None:
    """Give signs of life, if anybody looks for them."""
    if path:
        needs: dict[str, HealthCheck] = {
            "the store": lambda: asyncio.to_thread(store.check),
            "Temporal": client.service_client.check_health,
        }
        await write_heartbeat(path, needs)


async def run(settings: Settings) -> None:
    """Work until told to stop, then let steps under way finish. Raises UnguardedError."""
    check_database(settings)
    made = build_components(settings)
    with observability("changeover-worker", wanted_port=settings.worker_metrics_port, tracing=settings.tracing) as told:
        client = await connect(settings, observability=told)
        if settings.production:
            await check_temporal_server(client)
        await keep_reconciling(client, settings, made.external_systems)
        with metrics_served(settings.metrics_host, settings.worker_metrics_port, collectors(made.store, client, told)):
            await _work(client, made, settings)
    made.store.close()


async def _work(client: Client, components: Components, settings: Settings) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    with ThreadPoolExecutor(settings.threads * (1 + len(components.external_systems))) as executor:
        running = [*workers(client, components, settings, executor), webhook_worker(client, components, settings)]
        async with asyncio.TaskGroup() as group:
            for each in running:
                group.create_task(each.run())
            beside = [
                group.create_task(OutboxRelay(client, components.store).run_forever(settings.webhooks_poll_interval)),
                group.create_task(_beat(settings.heartbeat, client, components.store)),
            ]
            await stop.wait()
            for each_task in beside:
                each_task.cancel()
            for each in running:
                await each.shutdown()
