"""Searches everything a test process emits for canaries: logs, problems, webhook posts, metrics, spans, Temporal."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from temporalio.api.workflowservice.v1 import ListNamespacesRequest
from temporalio.client import Client, WorkflowHistory

from telemetry.logs import LogFormat, formatter
from tests.support.canary import find_canaries

SEARCHED_LOGGERS = ("activities", "api", "providers", "store", "telemetry", "temporalio", "uvicorn", "workflows")
"""Loggers that are searched from level INFO; other libraries' (SQLAlchemy, httpx) from WARNING."""
_SYSTEM_NAMESPACE = "temporal-system"


@dataclass
class Outputs:
    """How many outputs were searched, by kind, and the leaks found in them."""

    searched: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)
    """Ids of the runs whose histories were searched."""

    def search(self, kind: str, output: bytes, where: str = "") -> None:
        """Search one output and record what it leaks."""
        self.searched[kind] += 1
        canaries = find_canaries(output)
        if canaries:
            self.leaks.append(f"{kind} {where}: {', '.join(canaries)}")

    @contextmanager
    def expect_leaks(self) -> Iterator[list[str]]:
        """Collect leaks within the block without failing the run: the test plants them."""
        unexpected, self.leaks = self.leaks, []
        try:
            yield self.leaks
        finally:
            self.leaks = unexpected


OUTPUTS = Outputs()
"""The outputs of this process."""


class LogCanary(logging.Handler):
    """Searches every log record as it is written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(formatter(LogFormat.JSON))

    def emit(self, record: logging.LogRecord) -> None:
        """Search one record."""
        text = self.format(record)
        OUTPUTS.search("log", text.encode(), text)


@contextmanager
def search_logs() -> Iterator[None]:
    """Search everything logged within the block."""
    canary, root = LogCanary(), logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in SEARCHED_LOGGERS}
    root.addHandler(canary)
    for name in SEARCHED_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    yield
    assert canary in root.handlers, "logging was set up anew, so records since then were not searched"
    root.removeHandler(canary)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


async def search_answer(response: httpx2.Response) -> None:
    """Search an answer of the API if it is a problem in any façade's format: other answers may name travellers."""
    if response.status_code < httpx2.codes.BAD_REQUEST:
        return
    body = await response.aread()
    if b'"code":' in body and b'"validationMessages":' not in body:
        OUTPUTS.search(
            "problem", body, f"{response.status_code} of {response.request.method} {response.request.url.path}"
        )


class SpanCanary(InMemorySpanExporter):
    """Searches spans as they end, and keeps them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Search these spans."""
        for span in spans:
            OUTPUTS.search("span", span.to_json().encode(), span.name)
        return super().export(spans)


def search_metrics(registry: CollectorRegistry = REGISTRY) -> None:
    """Search every metric as a scrape reads it."""
    OUTPUTS.search("metrics", generate_latest(registry))


def search_history(history: WorkflowHistory) -> None:
    """Search a history: its events hold payloads, failures, search attributes, memo and summaries."""
    OUTPUTS.runs.add(history.run_id)
    for event in history.events:
        OUTPUTS.search("history", event.SerializeToString(), f"{history.workflow_id} event {event.event_id}")


async def search_temporal(address: str) -> None:
    """Search every run of a server in every namespace: its listing, and its history unless already searched."""
    service = (await Client.connect(address)).workflow_service
    for each in (await service.list_namespaces(ListNamespacesRequest(page_size=1000))).namespaces:
        if each.namespace_info.name != _SYSTEM_NAMESPACE:
            await _search_namespace(await Client.connect(address, namespace=each.namespace_info.name))


async def _search_namespace(client: Client) -> None:
    async for run in client.list_workflows(""):
        OUTPUTS.search("listing", run.raw_info.SerializeToString(), run.id)
        if run.run_id not in OUTPUTS.runs:
            search_history(await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history())
