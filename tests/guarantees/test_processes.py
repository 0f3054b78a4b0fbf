"""Processes that pause or die at the wrong moment: a worker past its time-out, an API before it submits a request."""

import asyncio
import json
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx2
import pytest
from sqlalchemy import text
from sqlmodel import select
from temporalio.client import Client

from cli.demo.stories import CARD, TWO, replace
from cli.http_clients.native import NativeClient
from cli.processes import Child
from cli.stack import Ports, Stack
from store.database.store import Store
from store.tables import ChangeRow
from temporal.data_converter import DATA_CONVERTER
from temporal.names import ORDERS_QUEUE, StepName
from tests.guarantees.test_kill import (
    blocked_after_the_seats,
    is_new_order,
    read_done_steps,
    sell,
    train,
    upgrade,
    wait_until,
)
from tests.support.postgres import new_database
from tests.support.world import backdate
from workflows.reconcile import Reconcile, StartReconciliation

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def stack(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    ports = Ports.free()
    database = new_database(postgres_url, "processes")
    with Stack(tmp_path_factory.mktemp("processes"), ports, database) as running:
        yield running


def _failed(step: str, log: str) -> bool:
    lines = [json.loads(line) for line in log.splitlines()[:-1]]
    return any((line.get("event"), line.get("step")) == ("step failed", step) for line in lines)


@contextmanager
def paused(child: Child) -> Iterator[None]:
    """Stop a process for the length of the block, and let it continue afterwards."""
    assert child.process is not None
    child.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        child.process.send_signal(signal.SIGCONT)


@contextmanager
def another_worker(stack: Stack) -> Iterator[None]:
    second = Child("second", stack.worker.command, stack.data / "logs" / "second.log", stack.worker.environment)
    second.start()
    try:
        yield
    finally:
        second.stop()


def waits_for_a_lock(store: Store) -> bool:
    query = text(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with store.read() as tx:
        return bool(tx.connection().execute(query).scalar_one())


def test_a_worker_paused_past_its_time_out_changes_nothing_when_it_resumes(
    stack: Stack, client: NativeClient, store: Store
) -> None:
    order, logged = sell(client, 0), len(stack.worker.log.read_text())
    with ThreadPoolExecutor(1) as pool:
        with ExitStack() as pauses:
            with blocked_after_the_seats(stack):
                request = pool.submit(upgrade, client, order, 0)
                wait_until(lambda: StepName.RESERVE_SEATS in read_done_steps(store, order) and waits_for_a_lock(store))
                pauses.enter_context(paused(stack.worker))
            # The lock is free: PostgreSQL runs the statement of the paused worker, in a transaction that stays open.
            with another_worker(stack):
                assert request.result(60)["state"] == "done"
                assert is_new_order(client, store, order, 0)
        wait_until(lambda: _failed(StepName.SWAP_OFFER_BUNDLE, stack.worker.log.read_text()[logged:]))
    # The worker continues to serve, with the runs it had in memory.
    assert upgrade(client, sell(client, 1), 1)["state"] == "done"
    assert is_new_order(client, store, order, 0)


def test_a_request_recorded_by_an_api_that_died_before_submitting_it_is_done_by_the_next_round(
    stack: Stack, client: NativeClient, store: Store
) -> None:
    order = sell(client, 5)
    bundle = client.offer("flexible", TWO, service=train("4713", 5))
    lines = [line["id"] for line in client.show(order)["lines"]]
    body = {"operations": [replace(lines, bundle)], "confirm": True, "payment": CARD}

    def send() -> httpx2.Response:
        headers = {"Idempotency-Key": f"orphan-{order}"}
        return httpx2.post(f"{stack.api}/v1/orders/{order}/changes", json=body, headers=headers, timeout=30)

    def read_row() -> ChangeRow | None:
        with store.read() as tx:
            return tx.exec(select(ChangeRow).where(ChangeRow.idempotency_key == f"orphan-{order}")).one_or_none()

    with ThreadPoolExecutor(1) as pool, paused(stack.server):
        request = pool.submit(send)
        wait_until(lambda: read_row() is not None)
        kill(stack.server_api)
        # Otherwise the server would read, once it continues, what the API had sent.
        kill(stack.server)
    assert isinstance(request.exception(), httpx2.TransportError)
    row = read_row()
    assert row is not None
    assert (row.state, row.claimed_at) == ("waiting", None)
    stack.server.start()
    stack.server_api.start()
    wait_until(lambda: ready(stack))
    backdate(store, row.id)
    asyncio.run(reconcile_until_done(stack, store, row.id))
    assert is_new_order(client, store, order, 5)
    again = send()
    assert (again.status_code, again.json()["change"], again.json()["state"]) == (200, row.id, "done")
    assert again.headers["idempotency-replayed"] == "true"


def kill(child: Child) -> None:
    assert child.process is not None
    child.process.kill()
    child.process.wait()


def ready(stack: Stack) -> bool:
    try:
        return httpx2.get(f"{stack.api}/ready", timeout=5).status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False


async def reconcile_until_done(stack: Stack, store: Store, change: str) -> None:
    temporal_client = await Client.connect(stack.temporal, data_converter=DATA_CONVERTER)
    async with asyncio.timeout(30):
        while not ended(store, change):
            name = f"reconcile-{uuid.uuid4()}"
            await temporal_client.execute_workflow(
                Reconcile.run, StartReconciliation(), id=name, task_queue=ORDERS_QUEUE
            )


def ended(store: Store, change: str) -> bool:
    with store.read() as tx:
        return tx.get_one(ChangeRow, change).outcome is not None
