"""SQLite locked by another process, and a full disk: changes are retried or undone, never left unfinished."""

import resource
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import pytest
from sqlmodel import select

from cli.http_clients.native import NativeClient
from cli.processes import Child
from cli.stack import Ports, Stack
from store import invariants
from store.database.connections import BUSY_SECONDS, database_url
from store.database.store import Store
from store.tables import ChangeRow
from temporal.names import StepName
from tests.guarantees.test_kill import is_new_order, read_done_steps, sell, upgrade, wait_until
from tests.guarantees.test_processes import paused
from tests.support.phases import check_outcome, hold_at_every_phase, timed
from tests.support.world import World

pytestmark = pytest.mark.faults


@contextmanager
def locked(database: str) -> Iterator[None]:
    """Hold the one write lock for the length of the block."""
    other = sqlite3.connect(database_url(database).database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


@pytest.mark.only_on("sqlite")
async def test_a_change_in_any_phase_ends_correctly_when_another_process_locks_the_database(
    world: World, database: str
) -> None:
    changes = await hold_at_every_phase(world)
    with locked(database):
        for each in changes:
            assert each.armed.fired == 1
            each.armed.go_on.set()
        assert (await world.send("GET", f"/v1/orders/{changes[0].order}")).status == 200
        answer, seconds = await timed(world.post("/v1/orders", {"currency": "NOK"}))
        assert (answer.status, answer.code) == (503, "STORE_BUSY")
        assert BUSY_SECONDS <= seconds < 2 * BUSY_SECONDS + 1
    for each in changes:
        await each.first_answer()
    for each in changes:
        await check_outcome(world, each)


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    ports = Ports.free()
    with Stack(tmp_path_factory.mktemp("full"), ports, in_memory=True) as running:
        yield running


@contextmanager
def full(*children: Child) -> Iterator[None]:
    """Let no write of these processes reach a file, for the length of the block."""
    pids = [child.process.pid for child in children if child.process is not None]
    usual = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, hard_limit) in usual.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard_limit))
    try:
        yield
    finally:
        for pid, limits in usual.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def is_recorded(store: Store, order: str) -> bool:
    """Whether the change of the order is recorded, beside its creation and its sale."""
    with store.read() as tx:
        return len(tx.exec(select(ChangeRow.id).where(ChangeRow.order_number == order)).all()) > 2


def test_changes_in_progress_when_the_disk_is_full_are_done_when_there_is_room_again(stack: Stack) -> None:
    client, store = NativeClient(stack.api), Store(stack.database)
    orders = {sell(client, number): number for number in range(6)}
    with ThreadPoolExecutor(len(orders)) as pool:
        with paused(stack.worker):
            requests = [pool.submit(upgrade, client, order, number) for order, number in orders.items()]
            wait_until(lambda: all(is_recorded(store, order) for order in orders))
        wait_until(lambda: any(StepName.RESERVE_SEATS in read_done_steps(store, order) for order in orders))
        with full(stack.worker, stack.server_api):
            done = [read_done_steps(store, order) for order in orders]
            assert not all(StepName.CONFIRM_ORDER in each for each in done)
            key = {"Idempotency-Key": "full"}
            answer = httpx2.post(f"{stack.api}/v1/orders", json={"currency": "NOK"}, headers=key)
            assert (answer.status_code, answer.json()["code"]) == (503, "STORE_BUSY")
            assert all(client.show(order)["status"] in ("confirmed", "draft") for order in orders)
            assert [read_done_steps(store, order) for order in orders] == done
        assert [each.result(60)["state"] for each in requests] == ["done"] * len(orders)
    assert all(is_new_order(client, store, order, number) for order, number in orders.items())
    with store.read() as tx:
        assert list(invariants.violations(tx)) == []
        assert tx.connection().exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    client.close()
    store.close()
