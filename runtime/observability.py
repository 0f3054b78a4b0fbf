"""Wires logs, traces and metrics for one process."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from temporalio.client import Client
from temporalio.plugin import SimplePlugin
from temporalio.runtime import Runtime

from store.database.store import Store
from store.views.gauges import store_gauges
from telemetry.cached_collector import CachedCollector
from telemetry.loopback import free_port
from telemetry.temporal_sdk import SdkMetrics, runtime
from telemetry.tracing import traced
from temporal.search_attributes import NEEDS_ATTENTION_QUERY

QUERY_TIMEOUT = timedelta(seconds=2)


@dataclass(frozen=True)
class Observability:
    """How Temporal's SDK logs, measures and traces in this process."""

    runtime: Runtime
    sdk_port: int
    plugins: Sequence[SimplePlugin]


@contextmanager
def start_observability(service: str, *, metrics_port: int, tracing: bool) -> Iterator[Observability]:
    """Forward the logs of Temporal's SDK to ours; serve its metrics and export spans if enabled, until the block ends.

    Raises TracingMissingError when tracing is enabled and OpenTelemetry is not installed.
    """
    # The SDK cannot choose a free port and report it.
    sdk_port = free_port() if metrics_port else 0
    with traced(service, enabled=tracing) as plugins:
        yield Observability(runtime(sdk_port), sdk_port, plugins)


def collectors(store: Store, client: Client, observability: Observability) -> Sequence[Collector]:
    """Return the collectors that every scrape reads: from its own thread, with the queries to Temporal on this loop."""
    attention = partial(_count_from_a_thread, client, asyncio.get_running_loop())
    return [
        CachedCollector("changeover_store_up", "Whether the store could be read.", partial(store_gauges, store)),
        CachedCollector("changeover_temporal_up", "Whether Temporal answered.", attention),
        SdkMetrics(observability.sdk_port),
    ]


def _count_from_a_thread(client: Client, loop: asyncio.AbstractEventLoop) -> Iterable[Metric]:
    return asyncio.run_coroutine_threadsafe(_count_needing_attention(client), loop).result(
        2 * QUERY_TIMEOUT.total_seconds()
    )


async def _count_needing_attention(client: Client) -> list[Metric]:
    async with asyncio.timeout(QUERY_TIMEOUT.total_seconds()):
        counted = await client.count_workflows(NEEDS_ATTENTION_QUERY, rpc_timeout=QUERY_TIMEOUT)
    return [GaugeMetricFamily("changeover_needs_attention", "Orders that need an operator.", value=counted.count)]
