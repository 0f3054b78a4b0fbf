"""Everything a test process brings forth that must name nobody, looked at whatever the single tests look at."""

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
"""Whose words are looked at, down to info; SQLAlchemy and httpx speak of nothing unless something is wrong."""
_TEMPORALS_OWN = "temporal-system"


@dataclass
class Outputs:
    """How much was looked at, by kind, and what was found in it."""

    searched: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)
    """Whose histories were looked at."""

    def search(self, kind: str, said: bytes, where: str = "") -> None:
        """Look at one output."""
        self.searched[kind] += 1
        names = find_canaries(said)
        if names:
            self.leaks.append(f"{kind} {where}: {', '.join(names)}")

    @contextmanager
    def expect_leaks(self) -> Iterator[list[str]]:
        """Let what is found within the block be no fault: it was put there on purpose."""
        usual, self.leaks = self.leaks, []
        try:
            yield self.leaks
        finally:
            self.leaks = usual


OUTPUTS = Outputs()
"""This process's."""


class LogCanary(logging.Handler):
    """Looks at all that is logged, as it is written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(formatter(LogFormat.JSON))

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one record."""
        text = self.format(record)
        OUTPUTS.search("log", text.encode(), text)


@contextmanager
def search_logs() -> Iterator[None]:
    """Look at everything logged within the block."""
    canary, root = LogCanary(), logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in SEARCHED_LOGGERS}
    root.addHandler(canary)
    for name in SEARCHED_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    yield
    assert canary in root.handlers, "somebody has set up logging anew, and nobody listened since"
    root.removeHandler(canary)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


async def search_answer(response: httpx2.Response) -> None:
    """Look at an answer of the API, if it is a problem in any façade's shape: others may name who is on an order."""
    if response.status_code < httpx2.codes.BAD_REQUEST:
        return
    said = await response.aread()
    if b'"code":' in said and b'"validationMessages":' not in said:
        OUTPUTS.search(
            "problem", said, f"{response.status_code} of {response.request.method} {response.request.url.path}"
        )


class SpanCanary(InMemorySpanExporter):
    """Looks at spans as they end, and keeps them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Look at some."""
        for span in spans:
            OUTPUTS.search("span", span.to_json().encode(), span.name)
        return super().export(spans)


def search_metrics(registry: CollectorRegistry = REGISTRY) -> None:
    """Look at every metric as a scrape reads it."""
    OUTPUTS.search("metrics", generate_latest(registry))


def search_history(history: WorkflowHistory) -> None:
    """Look at a history: payloads, failures, search attributes, memo and summaries are all in its events."""
    OUTPUTS.runs.add(history.run_id)
    for event in history.events:
        OUTPUTS.search("history", event.SerializeToString(), f"{history.workflow_id} event {event.event_id}")


async def search_temporal(address: str) -> None:
    """Look at every run a server has in any namespace: as it is listed, and its history unless it was looked at."""
    service = (await Client.connect(address)).workflow_service
    for each in (await service.list_namespaces(ListNamespacesRequest(page_size=1000))).namespaces:
        if each.namespace_info.name != _TEMPORALS_OWN:
            await _look_at_namespace(await Client.connect(address, namespace=each.namespace_info.name))


async def _look_at_namespace(client: Client) -> None:
    async for run in client.list_workflows(""):
        OUTPUTS.search("listing", run.raw_info.SerializeToString(), run.id)
        if run.run_id not in OUTPUTS.runs:
            search_history(await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history())
