"""The bench measures every kind of change and checks that each ends as expected."""

import pytest

from bench.changes.goals import Runs, goals
from bench.changes.kinds import BARE, CONFIRM, INTO_DRAFT, KINDS
from bench.changes.measure import measure

pytestmark = [pytest.mark.journeys, pytest.mark.timeout(300)]  # every kind of change, submitted in every way
FEW = {1: 3, 32: 6}


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_the_bench_measures_every_kind_of_change_and_reports_each_goal(database: str) -> None:
    measured = measure(database, 1, FEW)
    kinds = {run.kind for run in measured.runs}
    assert kinds == {*BARE, *(kind.name for kind in KINDS), *(f"{INTO_DRAFT} {n}" for n in (1, 2, 3)), CONFIRM}
    assert all(run.cpu > 0 and run.p50_ms > 0 for run in measured.runs)
    names = {goal.name for goal in goals(Runs(measured.runs), measured.footprints, measured.pairs)}
    assert {"G1", "G2", "G3", "G4", "G5", "G6 p50", "G6 CPU", "G13"} <= names
    assert sum(run.actions for run in measured.runs) > 0
    (footprints,) = measured.footprints
    # The count includes what else the server does meanwhile, such as a run of the reconcile schedule.
    assert all(footprint.actions >= 3 for footprint in footprints.values())
