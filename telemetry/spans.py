"""Spans from a request to every step of its change. Importing this module needs the extra `tracing`.

A span has a name, our own ids and its times. Span events are omitted: they would contain messages of exceptions. Of a
caller's headers only `traceparent` is accepted: `tracestate` and `baggage` may contain anything and would enter
Temporal.
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

from telemetry.tracing import use_spans

_ACCEPTED = "traceparent"
_FLUSH_MS = 2000


def plugin_to(processor: SpanProcessor, service: str) -> OpenTelemetryPlugin:
    """Send every span of this process to a processor; return the plugin for Temporal's client. Call it once.

    Replaying a run on another worker creates no second spans.
    """
    # OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME are merged last, so they override these.
    resource = Resource.create().merge(Resource({"service.name": service})).merge(OTELResourceDetector().detect())
    provider = create_tracer_provider(resource=resource, span_limits=SpanLimits(max_events=0))
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer(__name__)
    use_spans(lambda name: tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False))
    return OpenTelemetryPlugin(add_temporal_spans=True)


@contextmanager
def exported(service: str) -> Iterator[OpenTelemetryPlugin]:
    """Export spans to OTEL_EXPORTER_OTLP_... until the block ends; then flush the last of them."""
    processor = BatchSpanProcessor(OTLPSpanExporter())
    try:
        yield plugin_to(processor, service)
    finally:
        processor.force_flush(_FLUSH_MS)


def context_from(headers: dict[str, str]) -> Context:
    """Return the trace context of a request's `traceparent`, or an empty one without it."""
    return TraceContextTextMapPropagator().extract({name: headers[name] for name in (_ACCEPTED,) if name in headers})
