"""The search for canaries finds one in each kind of output of a test process."""

import logging
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from prometheus_client import CollectorRegistry, Counter
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from temporal.search_attributes import ORDER_NUMBER
from tests.support.canary import BORN, FAMILY, GIVEN
from tests.support.leak_detection import (
    OUTPUTS,
    LogCanary,
    SpanCanary,
    search_answer,
    search_metrics,
    search_temporal,
)
from tests.support.temporal_server import temporal_server
from tests.support.webhook_receiver import receiving


@pytest.fixture
def found() -> Iterator[list[str]]:
    """The leaks found during the test."""
    with OUTPUTS.expect_leaks() as planted:
        yield planted


@pytest.fixture
def probe() -> logging.Logger:
    """A logger without a parent, so that the search over the whole run does not get its records too."""
    logger = logging.Logger("probe")  # noqa: LOG001 - on purpose without a parent
    logger.addHandler(LogCanary())
    return logger


@pytest.mark.parametrize("level", [logging.DEBUG, logging.ERROR])
def test_a_name_in_a_log_is_found(found: list[str], probe: logging.Logger, level: int) -> None:
    probe.log(level, "sold to %s", GIVEN)
    (leak,) = found
    assert f"sold to {GIVEN}" in leak


def test_a_name_is_found_in_the_log_of_every_library(found: list[str]) -> None:
    logging.getLogger("some.library").warning("sold to %s", GIVEN)
    logging.getLogger("activities.new").info("sold to %s", GIVEN)
    assert len(found) == 2


def test_a_name_in_an_exception_is_not_written_at_all(found: list[str], probe: logging.Logger) -> None:
    before = OUTPUTS.searched["log"]
    try:
        int(FAMILY)
    except ValueError:
        probe.exception("broke")
    assert (OUTPUTS.searched["log"] - before, found) == (1, [])


@pytest.mark.parametrize(
    ("status", "body", "seen"),
    [
        (422, {"code": "MEMBER_INVALID", "detail": f"{FAMILY} is too long"}, True),
        (400, {"exception": "BAD", "code": "BAD", "message": GIVEN}, True),
        (200, {"code": "?", "travellers": [{"given_name": GIVEN}]}, False),
    ],
)
async def test_a_name_in_a_problem_is_found(found: list[str], status: int, body: dict[str, Any], *, seen: bool) -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, json=body))
    async with httpx2.AsyncClient(transport=transport, event_hooks={"response": [search_answer]}) as http:
        assert (await http.get("http://changeover/v1/orders")).json() == body
    assert bool(found) == seen


def test_a_name_in_a_post_to_a_webhook_is_found(found: list[str]) -> None:
    with receiving() as receiver:
        httpx2.post(receiver.url, json={"data": {"traveller": FAMILY}})
    assert [each.partition(" ")[0] for each in found] == ["post"]


def test_a_name_in_a_metric_is_found(found: list[str]) -> None:
    registry = CollectorRegistry()
    Counter("sold_total", "", ["whom"], registry=registry).labels(GIVEN).inc()
    search_metrics(registry)
    assert len(found) == 1


def test_a_name_in_a_span_is_found(found: list[str]) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(SpanCanary()))
    with provider.get_tracer("probe").start_as_current_span("sell", attributes={"whom": FAMILY}):
        pass
    assert len(found) == 1


async def test_a_name_anywhere_in_temporal_is_found(found: list[str]) -> None:
    planted: dict[str, dict[str, Any]] = {
        "input": {"arg": {"whom": GIVEN}},
        "memo": {"memo": {"whom": FAMILY}},
        "summary": {"static_summary": f"for {GIVEN}"},
        "attribute": {
            "search_attributes": TypedSearchAttributes([SearchAttributePair(ORDER_NUMBER, BORN.isoformat())])
        },
        "nothing": {"memo": {"whom": "a traveller"}},
    }
    async with temporal_server() as server:
        client = await Client.connect(server.address, namespace="outside")
        for name, how in planted.items():
            await client.start_workflow("Probe", id=f"probe-{name}", task_queue="nobody", **how)
        await search_temporal(server.address)
        leaking = {name for name in planted if any(f"probe-{name}" in each for each in found)}
    assert leaking == {"input", "memo", "summary", "attribute"}
