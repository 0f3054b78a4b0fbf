"""The worker process: builds the Temporal workers and runs them, with the outbox relay and the heartbeat."""

import asyncio
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Interceptor, Worker, WorkerDeploymentConfig

from activities.support.errors import FailureInterceptor
from activities.support.step_metrics import StepMetricsInterceptor
from runtime.bootstrap import Components, build_activities, build_components, build_webhook_activities
from runtime.heartbeat import HealthCheck, write_heartbeat
from runtime.observability import collectors, start_observability
from runtime.outbox_relay import OutboxRelay
from runtime.reconcile_schedule import ensure_reconcile_schedule
from runtime.settings import Settings
from runtime.startup_checks import check_database, check_temporal_server
from runtime.temporal_client import connect
from store.database.store import Store
from telemetry.metrics_server import metrics_served
from temporal.names import DEPLOYMENT, ORDERS_QUEUE, WEBHOOKS_QUEUE, queue_of
from workflows.deliver_events import DeliverEvents
from workflows.order_draft import OrderDraft
from workflows.reconcile import Reconcile
from workflows.sandbox import runner


def workers(
    client: Client,
    components: Components,
    settings: Settings,
    executor: ThreadPoolExecutor,
    extra: Sequence[Interceptor] = (),
) -> list[Worker]:
    """Return the worker for orders, and one for each external system's task queue."""
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
        # After this long another worker takes over the drafts of a killed one.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        **common,
    )
    return [orders, *(Worker(client, task_queue=queue_of(system), **common) for system in components.external_systems)]


def webhook_worker(
    client: Client, components: Components, settings: Settings, extra: Sequence[Interceptor] = ()
) -> Worker:
    """Return the worker that delivers events to webhooks."""
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
        # A delivery may last days and continues on the newest build, so that no old build must be kept running for it.
        deployment_config=_deployment(settings.build, VersioningBehavior.AUTO_UPGRADE),
    )


def _deployment(build: str, behaviour: VersioningBehavior = VersioningBehavior.PINNED) -> WorkerDeploymentConfig | None:
    """Return the versioning of a build: its runs stay with it (pinned) or move to the newest. None without a build."""
    if not build:
        return None
    version = WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=build)
    return WorkerDeploymentConfig(version=version, use_worker_versioning=True, default_versioning_behavior=behaviour)


async def _keep_heartbeat(path: Path | None, client: Client, store: Store) -> None:
    """Write the heartbeat file, if one is configured."""
    if path:
        needs: dict[str, HealthCheck] = {
            "the store": lambda: asyncio.to_thread(store.check),
            "Temporal": client.service_client.check_health,
        }
        await write_heartbeat(path, needs)


async def run(settings: Settings) -> None:
    """Run the worker until SIGINT or SIGTERM, then let running steps finish. Raises UnsafeConfigurationError."""
    check_database(settings)
    components = build_components(settings)
    port = settings.worker_metrics_port
    with start_observability("changeover-worker", metrics_port=port, tracing=settings.tracing) as observability:
        client = await connect(settings, observability=observability)
        if settings.production:
            await check_temporal_server(client)
        await ensure_reconcile_schedule(client, settings, components.external_systems)
        with metrics_served(settings.metrics_host, port, collectors(components.store, client, observability)):
            await _run_workers(client, components, settings)
    components.store.close()


async def _run_workers(client: Client, components: Components, settings: Settings) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    with ThreadPoolExecutor(settings.threads * (1 + len(components.external_systems))) as executor:
        running = [*workers(client, components, settings, executor), webhook_worker(client, components, settings)]
        async with asyncio.TaskGroup() as group:
            for each in running:
                group.create_task(each.run())
            background = [
                group.create_task(OutboxRelay(client, components.store).run_forever(settings.webhooks_poll_interval)),
                group.create_task(_keep_heartbeat(settings.heartbeat, client, components.store)),
            ]
            await stop.wait()
            for each_task in background:
                each_task.cancel()
            for each in running:
                await each.shutdown()
