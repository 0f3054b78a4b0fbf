"""The bench measures every kind of change and checks that each ends as expected."""

import asyncio

import pytest

from bench.changes.footprints import in_one_go
from bench.changes.goals import Runs, external_goals, goals
from bench.changes.kinds import ADD, BARE, CONFIRM, DEARER, INTO_DRAFT, KINDS, REFUSED
from bench.changes.measure import measure
from bench.changes.runs import open_bench
from bench.load import BANK
from bench.rig import Bank, Rig, rig
from cli.demo_bank import PROVIDER
from tests.support.counted_bank import EXPECTED_CALLS, CountedBank, serve_bank

pytestmark = [pytest.mark.journeys, pytest.mark.timeout(300)]  # every kind of change, submitted in every way
FEW = {1: 3, 32: 6}


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_the_bench_measures_every_kind_of_change_and_reports_each_goal(database: str) -> None:
    measured = measure(database, 1, FEW)
    kinds = {run.kind for run in measured.runs}
    assert kinds == {*BARE, *(kind.name for kind in KINDS), *(f"{INTO_DRAFT} {n}" for n in (1, 2, 3)), CONFIRM}
    assert all(run.cpu > 0 and run.p50_ms > 0 for run in measured.runs)
    names = {goal.name for goal in goals(Runs(measured.runs), measured.footprints, measured.pairs)}
    assert {"G4", "G5", "G6 p50", "G6 CPU", "G13"} <= names
    assert sum(run.actions for run in measured.runs) > 0
    (footprints,) = measured.footprints
    # The count includes what else the server does meanwhile, such as a run of the reconcile schedule.
    assert all(footprint.actions >= 3 for footprint in footprints.values())


def test_with_an_external_bank_the_bench_measures_the_same_and_reports_the_goals_of_that() -> None:
    measured = measure("sqlite", 1, FEW, bank=Bank.EXTERNAL)
    changes = [run for run in measured.runs if run.via == "api" and run.kind in {kind.name for kind in KINDS}]
    assert len(changes) == len(KINDS) * len(FEW)
    assert sum(run.cpu_ms[BANK] for run in changes) > 0
    assert all(BANK not in run.used for run in changes)
    (footprints,) = measured.footprints
    assert footprints[in_one_go(DEARER)].history.events > 10  # its authorisation and settlement are activities
    names = [goal.name for goal in external_goals(Runs(measured.runs), measured.footprints)]
    assert names[0] == "G13 external"
    assert len(names) == 1 + 2 * len(KINDS[:-1])


def test_a_change_calls_an_external_bank_as_often_as_one_on_dbos() -> None:
    bank = CountedBank()
    with serve_bank(bank) as address:
        outside = {"CHANGEOVER_PAYMENTS": PROVIDER, "BANK_URL": address, "BANK_SECRET": "unused"}
        with rig("sqlite", outside) as started:
            asyncio.run(_check_calls(started, bank))


async def _check_calls(started: Rig, bank: CountedBank) -> None:
    async with open_bench(started, 1, {}) as bench:
        bench_order = await bench.workload.create_order(0)
        for kind in KINDS:
            await bench.workload.prepare(bench_order, kind.spec)
            bank.calls.clear()
            await bench.workload.change(bench_order, kind.spec)
            if kind in (ADD, DEARER, REFUSED):
                assert bank.calls == EXPECTED_CALLS[kind.spec.token or ""]
