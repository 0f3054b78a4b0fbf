"""Temporal: whether it answers, has what we need, and a worker asks it for work."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RetryConfig, RPCError, RPCStatusCode

from cli.doctor.findings import Finding, Verdict, bad, note, ok
from cli.doctor.pollers import pollers
from cli.doctor.target import Target
from cli.temporal_server import temporal_binary
from runtime.settings import Settings
from runtime.temporal_client import connect
from store.database.store import utc_now
from temporal.names import RECONCILE_ID, System
from temporal.search_attributes import SEARCH_ATTRIBUTES

SECONDS = 10
ONCE = RetryConfig(max_retries=1, initial_interval_millis=100, max_elapsed_time_millis=2000)
LATE = 3
"""After so many rounds that were not begun the schedule counts as stopped."""
DISPATCH = Finding(
    "Dispatch latency is not measured here: "
    "watch temporal_workflow_task_schedule_to_start_latency (docs/deployment.md).",
    Verdict.NOTE,
)


async def examine(target: Target) -> list[Finding]:
    """Look at the Temporal server the settings name."""
    found: list[Finding] = []
    try:
        async with asyncio.timeout(SECONDS):
            client = await connect(target.settings, retry=ONCE)
            async for each in _looked(client, target):
                found.append(each)  # noqa: PERF401 - what was found before a failure is told too
    except (RuntimeError, RPCError, TimeoutError) as error:
        found.append(_silent(target, error))
    return found


def _silent(target: Target, error: Exception) -> Finding:
    what = f"Temporal at {target.temporal} does not answer"
    if isinstance(error, RPCError):
        what += f" ({error.status.name})"
    if not target.expected:
        return note(what, "`./changeover up` brings one")
    return bad(what, "start it, or name another by TEMPORAL_ADDRESS; `./changeover up` brings one of its own")


async def _looked(client: Client, target: Target) -> AsyncIterator[Finding]:
    where = f"--namespace {client.namespace} --address {target.temporal}"
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        yield bad(
            f"Temporal {target.temporal} has no namespace {client.namespace}",
            f"`{temporal_binary()} operator namespace create {where}`",
        )
        return
    yield ok(f"Temporal {target.temporal}, namespace {client.namespace}")
    yield await _attributes(client, where)
    async for each in pollers(client, _outside(target.settings), where):
        yield each
    yield await _schedule(client, where)
    yield DISPATCH


def _outside(settings: Settings) -> tuple[System, ...]:
    """Return the places of providers that are named: every one of those is outside."""
    named = {System.SEATS: settings.seats, System.OFFERS: settings.offers, System.PAYMENTS: settings.payments}
    return tuple(place for place, name in named.items() if name)


async def _attributes(client: Client, where: str) -> Finding:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    found = dict((await client.operator_service.list_search_attributes(request)).custom_attributes)
    missing, other = [], []
    for key in SEARCH_ATTRIBUTES:
        wanted = key.indexed_value_type.name
        if key.name not in found:
            missing.append(f"--name {key.name} --type {wanted.title()}")
        elif IndexedValueType.Name(found[key.name]) != f"INDEXED_VALUE_TYPE_{wanted}":
            other.append(key.name)
    if other:
        return bad(f"search attributes of another type: {', '.join(other)}", "use a namespace of our own")
    if missing:
        fix = f"`{temporal_binary()} operator search-attribute create {' '.join(missing)} {where}`"
        return bad(f"{len(missing)} search attributes are not registered", fix)
    return ok(f"search attributes: all {len(SEARCH_ATTRIBUTES)}")


async def _schedule(client: Client, where: str) -> Finding:
    try:
        found = await client.get_schedule_handle(RECONCILE_ID).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return bad("no schedule `reconcile`: what is left over is not taken up", "`./changeover worker` makes it")
    if found.schedule.state.paused:
        fix = f"`{temporal_binary()} schedule toggle --unpause --schedule-id reconcile --reason mended {where}`"
        return bad("the schedule `reconcile` is paused", fix)
    every = max((each.every for each in found.schedule.spec.intervals), default=timedelta(minutes=1))
    last = max((each.started_at for each in found.info.recent_actions), default=found.info.created_at)
    if utc_now() - last.astimezone(UTC) > LATE * every + timedelta(seconds=SECONDS):
        fix = f"see why: `{temporal_binary()} schedule describe --schedule-id reconcile {where}`"
        return bad(f"the schedule `reconcile` last began at {_short(last)}", fix)
    return ok(f"schedule `reconcile`, every {every.total_seconds():.0f} s")


def _short(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
