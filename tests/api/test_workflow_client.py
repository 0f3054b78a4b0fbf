"""What clients get while Temporal, a worker or the store is unavailable."""

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from temporalio.client import Client
from temporalio.service import RetryConfig

from api.app import create_app
from api.context import ApiContext
from api.workflow_client import OrderWorkflowClient
from cli.faults.injection import Fault
from store.changes.changes import of_id
from telemetry.loopback import free_port
from temporal.data_converter import DATA_CONVERTER
from temporal.names import ORDERS_QUEUE, StepName, draft_id
from tests.support.canary import ADULT
from tests.support.world import TENANT, World, replace
from workflows.reconcile import Reconcile, StartReconciliation

QUICK = RetryConfig(initial_interval_millis=10, max_interval_millis=50, max_elapsed_time_millis=200, max_retries=2)


@asynccontextmanager
async def api_without_temporal(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    client = await Client.connect(
        f"127.0.0.1:{free_port()}", lazy=True, retry_config=QUICK, data_converter=DATA_CONVERTER
    )
    ctx = ApiContext(
        unscoped_store=world.components.store,
        offers=world.components.offers,
        inventory=world.components.inventory,
        workflow_client=OrderWorkflowClient(client),
        tenant=TENANT,
    )
    transport = httpx2.ASGITransport(create_app(ctx))
    async with httpx2.AsyncClient(transport=transport, base_url="http://changeover") as http:
        yield http


async def test_without_temporal_a_change_is_kept_and_run_when_it_is_sent_again(world: World) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    body = {"operations": [replace([f"{order}-1"], bundle)]}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    async with api_without_temporal(world) as http:
        answer = await http.post(f"/v1/orders/{order}/changes", json=body, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (503, "ENGINE_UNREACHABLE")
        assert answer.headers["retry-after"]
        kept = await http.get(f"/v1/changes/{answer.json()['change']}")
    assert (kept.json()["state"], kept.json()["dispatch_error"]) == ("waiting", "ENGINE_UNREACHABLE")
    again = await world.post(f"/v1/orders/{order}/changes", body, key["Idempotency-Key"])
    assert (again.status, again.change) == (200, answer.json()["change"])
    with world.components.store.read() as tx:
        row = of_id(tx, again.change)
        assert row is not None
        assert (row.state, row.dispatch_error) == ("done", None)


async def test_without_temporal_orders_offers_and_quotes_still_answer(world: World) -> None:
    order = await world.sold(ADULT)
    async with api_without_temporal(world) as http:
        created = await http.post(
            "/v1/orders", json={"currency": "NOK"}, headers={"Idempotency-Key": str(uuid.uuid4())}
        )
        assert created.status_code == 201
        assert (await http.get(f"/v1/orders/{order}")).status_code == 200
        assert (await http.get("/health")).status_code == 200
        ready = await http.get("/ready")
        assert (ready.status_code, ready.json()["code"]) == (503, "ENGINE_UNREACHABLE")


async def test_an_order_with_a_draft_states_that_its_workflow_does_not_answer(world: World) -> None:
    order = await world.sold(ADULT)
    await world.change(order, replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train())))
    async with api_without_temporal(world) as http:
        draft = (await http.get(f"/v1/orders/{order}")).json()["draft"]
    assert (draft["progress"], draft["progress_unavailable"], draft["version"]) == (None, True, 2)


async def test_an_order_can_be_read_while_its_run_answers_no_query(world: World) -> None:
    order = await world.sold(ADULT)
    await world.change(order, replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train())))
    await world.workflow(order).terminate("to replace it by a run that answers no query")
    options: dict[str, Any] = {"id": draft_id(order), "task_queue": ORDERS_QUEUE}
    await world.client.execute_workflow(Reconcile.run, StartReconciliation(), **options)
    shown = await world.send("GET", f"/v1/orders/{order}")
    assert (shown.status, shown.body["draft"]["progress_unavailable"]) == (200, True)
    assert (await world.discard(order)).status == 200


@pytest.mark.only_on("sqlite")  # independent of the store
async def test_a_client_gets_a_response_within_its_wait_however_long_acceptance_took(world: World) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    armed = world.faults.arm(order, StepName.PLAN_CHANGE, Fault.HELD)
    began = time.monotonic()
    answer = await world.change(order, replace([f"{order}-1"], bundle), Prefer="wait=5")
    # The request was accepted with the heartbeat of its first step, after four seconds.
    assert (answer.status, armed.fired) == (202, 1)
    assert time.monotonic() - began < 8
    armed.go_on.set()
    assert await world.wait_for_outcome(answer.change) == "done"
    await world.discard(order)


async def test_the_whole_service_is_ready(world: World) -> None:
    assert (await world.send("GET", "/ready")).body == {"status": "ok", "unavailable": []}


async def test_a_change_that_failed_and_was_undone_is_shown_so_and_its_run_fails(world: World) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    world.faults.arm(order, StepName.SWAP_OFFER_BUNDLE, Fault.LOST_FOR_GOOD)
    answer = await world.change(order, replace([f"{order}-1"], bundle))
    assert (answer.status, answer.code) == (500, "STEP_FAILED")
    assert world.snapshot(order) == before
    assert await world.wait_for_end(order) == "FAILED"
    shown = (await world.send("GET", f"/v1/changes/{answer.change}")).body
    assert (shown["state"], shown["problem"]["code"]) == ("undone", "STEP_FAILED")
