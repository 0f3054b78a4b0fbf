"""The proof of the DBOS app finds every error, and the comparison with ours is fair."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from bench.load import Run
from bench.peers.bank import find_errors_at_bank
from bench.peers.client import API, DBOS, DIRECT, Peer, change_request
from bench.peers.measure import PeersResult, prove_app
from bench.peers.proof import Proof, find_errors
from bench.peers.tables import OK, REFUSED
from bench.rig import Bank
from cli.demo_bank import connect
from tests.support.counted_bank import EXPECTED_CALLS, CountedBank, serve_bank
from tests.support.postgres import new_database

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def peer(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    started = Peer(new_database(postgres_url, "peer"), Path(tmp_path_factory.mktemp("peer")))
    started.prepare()
    started.start()
    yield started
    started.app.stop()


@pytest.fixture(scope="module")
def bank() -> CountedBank:
    return CountedBank()


@pytest.fixture(scope="module")
def external(postgres_url: str, tmp_path_factory: pytest.TempPathFactory, bank: CountedBank) -> Iterator[Peer]:
    """The app with an external bank."""
    with serve_bank(bank) as address:
        started = Peer(new_database(postgres_url, "peer_with_bank"), Path(tmp_path_factory.mktemp("peer")), address)
        started.prepare()
        started.start()
        yield started
        started.app.stop()


def errors_at_bank(peer: Peer, change: str, token: str) -> list[str]:
    with closing(connect(peer.bank or "")) as book:
        return find_errors_at_bank(book, change, token)


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


@pytest.mark.parametrize("token", [OK, REFUSED])
def test_a_change_makes_each_call_to_an_external_bank_once(external: Peer, bank: CountedBank, token: str) -> None:
    bank.calls.clear()
    order = change_order(external, token)
    assert bank.calls == EXPECTED_CALLS[token]
    with external.connect() as tx:
        assert find_errors(tx, order, token) == []
    assert errors_at_bank(external, f"{order}/change", token) == []


@pytest.mark.parametrize(("token", "other"), [(OK, REFUSED), (REFUSED, OK)])
def test_the_proof_finds_a_change_that_ended_otherwise_at_the_bank(external: Peer, token: str, other: str) -> None:
    order = change_order(external, token)
    assert errors_at_bank(external, f"{order}/change", other)
    assert errors_at_bank(external, f"{order}/unknown", token)


@pytest.mark.faults
@pytest.mark.parametrize("payments", Bank)
def test_the_peer_is_correct_also_when_killed_within_any_step(payments: Bank) -> None:
    proof = prove_app(payments)
    assert proof.killed == 27
    assert proof.changes == 35


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
    result = PeersResult(Proof(35, 27, 1.0), runs)
    found = {(each.ours, each.figure): each.by_dbos for each in result.ratios()}
    assert (found[API, "throughput"].least, found[API, "throughput"].most) == (1.5, 1.5)
    assert found[API, "CPU"].median == 2.0
    assert found[DIRECT, "throughput"].median == 2.0
    throughput, cpu, p50 = result.goals()
    assert (throughput.measured.median, throughput.met) == (1.5, True)
    assert (cpu.measured.median, cpu.met) == (2.0, False)
    assert p50.met
    assert result.as_json()["ratios"]


@pytest.mark.parametrize(("ours", "met"), [(6, True), (5, False)])
def test_with_an_external_bank_ours_must_do_0_6_times_as_many_changes_as_dbos(ours: float, met: bool) -> None:  # noqa: FBT001 - expected
    runs = [a_run(kind, 32, 1, ours, worker=20.0) for kind in (API, DIRECT)]
    result = PeersResult(Proof(35, 27, 1.0), [*runs, a_run(DBOS, 32, 1, 10, dbos=10.0)], Bank.EXTERNAL)
    (goal,) = result.goals()
    assert (goal.name, goal.met) == ("G15", met)
