"""Spans from a request to every step it leads to. Importing this needs the extra `tracing`.

A span has a name, our own ids and its times. Events are left out: in them exceptions say their words. Of what a
caller sends only `traceparent` is taken on: `tracestate` and `baggage` may say anything, and would enter Temporal.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, create_tracer_provider

_ACCEPTED = "traceparent"
_FLUSH_MS = 2000


def plugin_to(processor: SpanProcessor, service: str) -> OpenTelemetryPlugin:
    """Give every span of this process to a processor, once for a process; return Temporal's part of it.

    The spans of a run are told by what happened, not by when a worker replays it.
    """
    # What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say comes after, and counts.
    resource = Resource.create().merge(Resource({"service.name": service})).merge(OTELResourceDetector().detect())
    provider = create_tracer_provider(resource=resource, span_limits=SpanLimits(max_events=0))
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    return OpenTelemetryPlugin(add_temporal_spans=True)


@contextmanager
def exported(service: str) -> Iterator[OpenTelemetryPlugin]:
    """Send spans where OTEL_EXPORTER_OTLP_... says, the last of them when the block ends."""
    processor = BatchSpanProcessor(OTLPSpanExporter())
    try:
        yield plugin_to(processor, service)
    finally:
        processor.force_flush(_FLUSH_MS)


def asked_by(headers: dict[str, str]) -> Context:
    """Return the trace a request belongs to, if it says so."""
    return TraceContextTextMapPropagator().extract({name: headers[name] for name in (_ACCEPTED,) if name in headers})
