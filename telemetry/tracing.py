"""Whether traces are wanted, and a clear word when they cannot be had."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.plugin import SimplePlugin

MISSING = (
    "CHANGEOVER_TRACING is on, but OpenTelemetry is not installed. Switch it off, or install the extra `tracing`:"
    " pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
)


class TracingMissingError(Exception):
    """Traces are wanted and cannot be had; the text says what to install."""


@contextmanager
def traced(service: str, *, wanted: bool) -> Iterator[list[SimplePlugin]]:
    """Yield what Temporal's client needs to send spans until the block ends; nothing when none are wanted.

    Raises TracingMissingError without OpenTelemetry.
    """
    if not wanted:
        yield []
        return
    try:
        from telemetry.spans import exported  # noqa: PLC0415 - only the extra `tracing` has what it imports
    except ImportError:
        raise TracingMissingError(MISSING) from None
    with exported(service) as plugin:
        yield [plugin]
