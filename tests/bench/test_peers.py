"""The proof of the DBOS app finds every error, and the comparison with ours is fair."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from bench.load import Run
from bench.peers.client import API, DBOS, DIRECT, Peer, change_request
from bench.peers.measure import PeersResult
from bench.peers.proof import Proof, find_errors, prove
from bench.peers.tables import OK, REFUSED
from tests.support.postgres import new_database

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def peer(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    started = Peer(new_database(postgres_url, "peer"), Path(tmp_path_factory.mktemp("peer")))
    started.prepare()
    started.start()
    yield started
    started.app.stop()


def change_order(peer: Peer, token: str) -> str:
    (order,) = peer.sell(1)
    httpx2.post(f"{peer.url}/changes", json=change_request(order, token), timeout=60).raise_for_status()
    return order


@pytest.mark.parametrize("token", [OK, REFUSED])
@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE orders SET version = version + 1 WHERE number = %s",
        "UPDATE order_lines SET undone = NOT undone WHERE order_number = %s AND removed_by IS NULL",
        "INSERT INTO events SELECT order_number, 99, type, change, data FROM events WHERE order_number = %s LIMIT 1",
        "INSERT INTO ledger SELECT key || 2, order_number, payment, kind, 7 FROM ledger WHERE order_number = %s",
        "UPDATE payments SET captured_minor = captured_minor - 1 WHERE order_number = %s AND captured_minor > 0",
        "DELETE FROM seat_holds WHERE order_number = %s",
        "UPDATE changes SET finished_at = NULL WHERE order_number = %s",
    ],
)
def test_the_proof_finds_every_kind_of_damage(peer: Peer, token: str, damage: str) -> None:
    order = change_order(peer, token)
    with peer.connect() as tx:
        assert find_errors(tx, order, token) == []
        tx.execute(damage, (order,))
        assert find_errors(tx, order, token)
        tx.rollback()


def test_a_change_that_was_done_is_not_taken_for_one_that_was_refused(peer: Peer) -> None:
    order = change_order(peer, OK)
    with peer.connect() as tx:
        assert find_errors(tx, order, REFUSED)


@pytest.mark.faults
def test_the_peer_is_correct_also_when_killed_within_any_step(peer: Peer) -> None:
    proof = prove(peer)
    assert proof.killed == 28
    assert proof.changes == 36


def a_run(kind: str, callers: int, repeat: int, per_second: float, **cpu_ms: float) -> Run:
    return Run(kind, "dbos" if kind == DBOS else "api", callers, repeat, 10, 50.0, 90.0, 100.0, per_second, cpu_ms, 0.0)


def test_ratios_are_taken_within_a_repeat_and_idle_processes_are_not_counted() -> None:
    runs = [
        run
        for repeat, machine in ((1, 1.0), (2, 10.0), (3, 4.0))
        for run in (
            a_run(API, 32, repeat, 3 * machine, worker=20.0, dbos=1.0),
            a_run(DIRECT, 32, repeat, 4 * machine, worker=10.0, dbos=1.0),
            a_run(DBOS, 32, repeat, 2 * machine, worker=5.0, dbos=10.0),
        )
    ]
    result = PeersResult(Proof(36, 28, 1.0), runs)
    found = {(each.ours, each.figure): each.by_dbos for each in result.ratios()}
    assert (found[API, "throughput"].least, found[API, "throughput"].most) == (1.5, 1.5)
    assert found[API, "CPU"].median == 2.0
    assert found[DIRECT, "throughput"].median == 2.0
    assert result.goal().measured.median == 1.5
    assert result.goal().met
    assert result.as_json()["ratios"]
