"""What a process tells of itself, put together from real parts: what it sends, and what is read when it is scraped."""

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

PATIENCE = timedelta(seconds=2)


@dataclass(frozen=True)
class Observability:
    """How Temporal's SDK is to tell of itself in this process."""

    runtime: Runtime
    sdk_port: int
    plugins: Sequence[SimplePlugin]


@contextmanager
def observability(service: str, *, wanted_port: int, tracing: bool) -> Iterator[Observability]:
    """Log for Temporal's SDK, and let it count and send spans as far as it is wanted, until the block ends.

    Raises TracingMissingError when spans are wanted that OpenTelemetry is not there for.
    """
    # The SDK cannot choose a port and say which.
    sdk_port = free_port() if wanted_port else 0
    with traced(service, wanted=tracing) as plugins:
        yield Observability(runtime(sdk_port), sdk_port, plugins)


def collectors(store: Store, client: Client, observability: Observability) -> Sequence[Collector]:
    """Return what is read at every scrape; asked from another thread, Temporal answers by this one's loop."""
    attention = partial(_asked_from_a_thread, client, asyncio.get_running_loop())
    return [
        CachedCollector("changeover_store_up", "Whether the store could be read.", partial(store_gauges, store)),
        CachedCollector("changeover_temporal_up", "Whether Temporal answered.", attention),
        SdkMetrics(observability.sdk_port),
    ]


def _asked_from_a_thread(client: Client, loop: asyncio.AbstractEventLoop) -> Iterable[Metric]:
    return asyncio.run_coroutine_threadsafe(_needing_attention(client), loop).result(2 * PATIENCE.total_seconds())


async def _needing_attention(client: Client) -> list[Metric]:
    async with asyncio.timeout(PATIENCE.total_seconds()):
        found = await client.count_workflows(NEEDS_ATTENTION_QUERY, rpc_timeout=PATIENCE)
    return [GaugeMetricFamily("changeover_needs_attention", "Orders that wait for an operator.", value=found.count)]
