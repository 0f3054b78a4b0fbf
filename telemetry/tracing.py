"""Switches tracing on or off, with a clear error when OpenTelemetry is missing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from temporalio.plugin import SimplePlugin

MISSING = (
    "CHANGEOVER_TRACING is on, but OpenTelemetry is not installed. Switch it off, or install the extra `tracing`:"
    " pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
)


SpanFactory = Callable[[str], AbstractContextManager[object]]
_spans: list[SpanFactory] = []


def use_spans(factory: SpanFactory) -> None:
    """Let the steps within a group have spans from now on, in this process."""
    _spans[:] = [factory]


def step_span(step: str) -> AbstractContextManager[object]:
    """Return a span for a step within a group; without tracing it does nothing."""
    return _spans[0](f"RunStep:{step}") if _spans else nullcontext()


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
