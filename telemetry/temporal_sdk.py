"""The metrics and logs of Temporal's SDK: its metrics are served beside ours, its logs go through ours."""

import logging
from collections.abc import Iterator

import httpx2
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from temporalio.runtime import LogForwardingConfig, LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig
from temporalio.runtime import TelemetryFilter as Filter

from telemetry.loopback import HOST

log = logging.getLogger(__name__)

READ_TIMEOUT_SECONDS = 1.0
# The SDK's own histograms have no boundary between a tenth and half a second.
_BOUNDARIES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LATENCIES = ("workflow_task_schedule_to_start_latency", "activity_schedule_to_start_latency", "request_latency")


def runtime(port: int = 0) -> Runtime:
    """Return the SDK's runtime, one per process. With a port, it serves its metrics there, on loopback."""
    metrics = PrometheusConfig(
        bind_address=f"{HOST}:{port}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=dict.fromkeys(_LATENCIES, _BOUNDARIES),
    )
    # The fields of the SDK's records contain text of others; our lines have known members only.
    forwarding = LogForwardingConfig(
        logging.getLogger("temporalio.core"),
        append_target_to_name=False,
        prepend_target_on_message=False,
        append_log_fields_to_message=False,
    )
    logs = LoggingConfig(filter=Filter(core_level="WARN", other_level="ERROR"), forwarding=forwarding)
    return Runtime(telemetry=TelemetryConfig(logging=logs, metrics=metrics if port else None))


class SdkMetrics(Collector):
    """Reads the SDK's metrics from its runtime's port, so that a process has one /metrics to scrape."""

    def __init__(self, port: int) -> None:
        self._address = f"http://{HOST}:{port}/metrics"

    def describe(self) -> Iterator[Metric]:
        """Return no names in advance: the set of metrics changes while the process runs."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Return the SDK's metrics, or none when they cannot be read."""
        try:
            text = httpx2.get(self._address, timeout=READ_TIMEOUT_SECONDS).text
        except httpx2.TransportError as error:
            log.warning("the SDK's metrics could not be read", extra={"error": type(error).__name__})
            return iter(())
        return iter(text_string_to_metric_families(text))
