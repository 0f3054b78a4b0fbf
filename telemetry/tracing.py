"""Switches tracing on or off, with a clear error when OpenTelemetry is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.plugin import SimplePlugin

MISSING = (
    "CHANGEOVER_TRACING is on, but OpenTelemetry is not installed. Switch it off, or install the extra `tracing`:"
    " pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
)


class TracingMissingError(Exception):
    """Tracing is enabled but OpenTelemetry is missing; the message says what to install."""


@contextmanager
def traced(service: str, *, enabled: bool) -> Iterator[list[SimplePlugin]]:
    """Yield the plugins with which Temporal's client exports spans until the block ends; none when disabled.

    Raises TracingMissingError when enabled without OpenTelemetry.
    """
    if not enabled:
        yield []
        return
    try:
        from telemetry.spans import exported  # noqa: PLC0415 - only the extra `tracing` has what it imports
    except ImportError:
        raise TracingMissingError(MISSING) from None
    with exported(service) as plugin:
        yield [plugin]
