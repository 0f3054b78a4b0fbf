"""Checks Temporal: whether it answers, has our search attributes and schedule, and workers poll it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RetryConfig, RPCError, RPCStatusCode

from cli.doctor.findings import Finding, Verdict, bad, note, ok
from cli.doctor.pollers import check_pollers
from cli.doctor.target import Target
from cli.temporal_server import temporal_binary
from runtime.temporal_client import connect
from store.database.store import utc_now
from temporal.names import RECONCILE_ID, System
from temporal.search_attributes import SEARCH_ATTRIBUTES

SECONDS = 10
NO_RETRY = RetryConfig(max_retries=1, initial_interval_millis=100, max_elapsed_time_millis=2000)
MISSED_ROUNDS = 3
"""After so many missed rounds the schedule counts as stopped."""
DISPATCH = Finding(
    "Dispatch latency is not measured here: "
    "watch temporal_workflow_task_schedule_to_start_latency (docs/deployment.md).",
    Verdict.NOTE,
)


async def examine(target: Target) -> list[Finding]:
    """Check the Temporal server that the settings name."""
    findings: list[Finding] = []
    try:
        async with asyncio.timeout(SECONDS):
            client = await connect(target.settings, retry=NO_RETRY)
            async for each in _check_server(client, target):
                findings.append(each)  # noqa: PERF401 - findings before a failure are reported too
    except (RuntimeError, RPCError, TimeoutError) as error:
        findings.append(_unreachable(target, error))
    return findings


def _unreachable(target: Target, error: Exception) -> Finding:
    problem = f"Temporal at {target.temporal} does not answer"
    if isinstance(error, RPCError):
        problem += f" ({error.status.name})"
    if not target.expected:
        return note(problem, "`./changeover up` starts one")
    return bad(problem, "start it, or set TEMPORAL_ADDRESS to another; `./changeover up` starts its own")


async def _check_server(client: Client, target: Target) -> AsyncIterator[Finding]:
    options = f"--namespace {client.namespace} --address {target.temporal}"
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        yield bad(
            f"Temporal {target.temporal} has no namespace {client.namespace}",
            f"`{temporal_binary()} operator namespace create {options}`",
        )
        return
    yield ok(f"Temporal {target.temporal}, namespace {client.namespace}")
    yield await _check_search_attributes(client, options)
    async for each in check_pollers(client, _external_systems(target), options):
        yield each
    yield await _check_schedule(client, options)
    yield DISPATCH


def _external_systems(target: Target) -> tuple[System, ...]:
    """Return the systems with a provider of their own: every such provider is external."""
    providers = {System.SEATS: target.settings.seats, System.PAYMENTS: target.external_payments}
    return tuple(system for system, name in providers.items() if name)


async def _check_search_attributes(client: Client, options: str) -> Finding:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    registered = dict((await client.operator_service.list_search_attributes(request)).custom_attributes)
    missing, other = [], []
    for key in SEARCH_ATTRIBUTES:
        expected = key.indexed_value_type.name
        if key.name not in registered:
            missing.append(f"--name {key.name} --type {expected.title()}")
        elif IndexedValueType.Name(registered[key.name]) != f"INDEXED_VALUE_TYPE_{expected}":
            other.append(key.name)
    if other:
        return bad(f"search attributes of another type: {', '.join(other)}", "use a namespace for Changeover alone")
    if missing:
        fix = f"`{temporal_binary()} operator search-attribute create {' '.join(missing)} {options}`"
        return bad(f"{len(missing)} search attributes are not registered", fix)
    return ok(f"search attributes: all {len(SEARCH_ATTRIBUTES)}")


async def _check_schedule(client: Client, options: str) -> Finding:
    try:
        description = await client.get_schedule_handle(RECONCILE_ID).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return bad("no schedule `reconcile`: unfinished requests are not resumed", "`./changeover worker` creates it")
    if description.schedule.state.paused:
        fix = f"`{temporal_binary()} schedule toggle --unpause --schedule-id reconcile --reason fixed {options}`"
        return bad("the schedule `reconcile` is paused", fix)
    every = max((each.every for each in description.schedule.spec.intervals), default=timedelta(minutes=1))
    last = max((each.started_at for each in description.info.recent_actions), default=description.info.created_at)
    if utc_now() - last.astimezone(UTC) > MISSED_ROUNDS * every + timedelta(seconds=SECONDS):
        fix = f"find out why: `{temporal_binary()} schedule describe --schedule-id reconcile {options}`"
        return bad(f"the schedule `reconcile` last started at {_utc_text(last)}", fix)
    return ok(f"schedule `reconcile`, every {every.total_seconds():.0f} s")


def _utc_text(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
