"""One trace leads from the request to every step of its change, and tracing does not affect replay."""

import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from temporalio.contrib.opentelemetry import OpenTelemetryPlugin
from temporalio.worker import Replayer

from telemetry.spans import plugin_to
from telemetry.tracing import TracingMissingError, traced
from temporal.data_converter import DATA_CONVERTER
from temporal.names import StepName
from tests.replay_histories import FILES, WORKFLOWS, read, replayer
from tests.support.canary import ADULT, find_canaries
from tests.support.commands import ROOT
from tests.support.installation import prepare_database, running_world
from tests.support.leak_detection import SpanCanary
from tests.support.world import CARD, World, replace
from workflows.sandbox import runner

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def spans() -> SpanCanary:
    return SpanCanary()


@pytest.fixture(scope="module")
def plugin(spans: SpanCanary) -> OpenTelemetryPlugin:
    return plugin_to(SimpleSpanProcessor(spans), "changeover-tests")


@pytest.fixture(scope="module")
async def traced_world(
    temporal: str, plugin: OpenTelemetryPlugin, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    database = prepare_database(f"sqlite:///{tmp_path_factory.mktemp('traced') / 'traced.db'}")
    async with running_world(database, temporal, "traced", plugins=[plugin]) as world:
        yield world


def of_trace(spans: SpanCanary, trace: str) -> dict[str, ReadableSpan]:
    """Return the spans of a trace by their names."""
    return {each.name: each for each in spans.get_finished_spans() if f"{each.context.trace_id:032x}" == trace}


IN_ONE_GO = (
    *(
        StepName.PLAN_CHANGE,
        StepName.VALIDATE_TRAVELLERS,
        StepName.QUOTE_CHANGE,
        StepName.RESERVE_SEATS,
        StepName.SWAP_OFFER_BUNDLE,
    ),
    *(StepName.AUTHORISE_PAYMENT, StepName.SETTLE_PRICE_DIFFERENCE, StepName.CONFIRM_SEATS, StepName.CONFIRM_ORDER),
)


async def test_one_trace_leads_from_a_request_to_every_step_and_holds_no_personal_data(
    traced_world: World, spans: SpanCanary
) -> None:
    order = await traced_world.sold(ADULT)
    bundle = await traced_world.offer("flexible", ADULT, service=traced_world.train())
    lines = await traced_world.lines(order)
    body = {"operations": [replace(lines, bundle)], "confirm": True, "payment": CARD}
    headers = {"traceparent": TRACEPARENT, "tracestate": "a=trav-gul-1", "baggage": "name=Kanarina"}
    response = await traced_world.post(f"/v1/orders/{order}/changes", body, **headers)
    assert response.body["state"] == "done"
    found_spans = of_trace(spans, TRACE)
    assert {"RunActivity:run_change", *(f"RunStep:{step}" for step in IN_ONE_GO)} <= set(found_spans)
    update = found_spans["StartUpdateWithStartWorkflow:OrderDraft"]
    assert update.parent is not None
    assert update.parent.span_id == found_spans["POST /v1/orders/{order}/changes"].context.span_id
    assert found_spans["HandleUpdate:change"].parent is not None
    assert not find_canaries("".join(each.to_json() for each in spans.get_finished_spans()).encode())
    await traced_world.wait_for_end(order)
    history = await traced_world.workflow(order).fetch_history()
    assert not find_canaries(history.to_json().encode())
    # A worker without tracing replays the run.
    await replayer().replay_workflow(history)


async def test_a_change_of_an_open_draft_has_a_trace_of_its_own(traced_world: World, spans: SpanCanary) -> None:
    order, _ = await traced_world.open_draft()
    second = TRACE[::-1]
    bundle = await traced_world.offer("standard", ADULT, service=traced_world.train())
    lines = await traced_world.lines(order)
    body = {"operations": [replace(lines, bundle)]}
    await traced_world.post(f"/v1/orders/{order}/changes", body, traceparent=TRACEPARENT.replace(TRACE, second))
    assert "RunStep:swap_offer_bundle" in of_trace(spans, second)


async def test_the_message_of_an_error_is_in_no_span(traced_world: World, spans: SpanCanary) -> None:
    order = await traced_world.sold(ADULT)
    body: dict[str, Any] = {"operations": [{"op": "Kanarina"}]}
    await traced_world.post(f"/v1/orders/{order}/changes", body)
    declined = {"method": "card", "token": "tok_decline"}
    await traced_world.upgrade(order, confirm=True, payment=declined)
    refused = [each for each in spans.get_finished_spans() if each.name == "RunStep:authorise_payment"]
    assert refused
    assert not any(each.events for each in refused)
    assert not find_canaries("".join(each.to_json() for each in spans.get_finished_spans()).encode())


async def test_every_recorded_history_replays_with_traces_on(plugin: OpenTelemetryPlugin) -> None:
    options: dict[str, Any] = {"workflow_runner": runner(), "data_converter": DATA_CONVERTER}
    tracing = Replayer(workflows=WORKFLOWS, plugins=[plugin], **options)
    for path in FILES:
        await tracing.replay_workflow(read(path))


def test_without_the_extra_only_tracing_fails_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = "import sys; sys.modules['opentelemetry.sdk'] = None; import cli.__main__, cli.api, worker"
    subprocess.run([sys.executable, "-c", missing], cwd=ROOT, check=True)  # noqa: S603 - our own modules
    monkeypatch.delitem(sys.modules, "telemetry.spans")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(TracingMissingError, match="pip install opentelemetry-sdk"), traced("x", enabled=True):
        pass
    with traced("x", enabled=False) as plugins:
        assert plugins == []
