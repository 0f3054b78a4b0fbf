"""The growth measurements' results and notes say what was measured."""

import pytest

from bench.growth.compared import compared
from bench.growth.drafts import CACHED, FULL, GOAL, Drafts, Sample
from bench.growth.invariant_check import InvariantsChecked, check
from bench.growth.results import GrowthResult
from bench.load import Run
from runtime.settings import Settings
from tests.support.installation import prepare_database
from tests.support.step_by_step import StepByStep

CHECKED = InvariantsChecked(("one",), ())


def _run(p50: float, **cpu: float) -> Run:
    return Run("change", "api", 1, 0, 1, p50, p50, p50, 1.0, cpu, 4)


def _drafts(*samples: tuple[int, float, float]) -> Drafts:
    return Drafts([Sample(*each) for each in samples], CHECKED)


def test_the_cpu_of_a_change_is_not_that_of_its_client() -> None:
    small = _run(1, temporal=10, worker=5, api=3, database=2, client=100, bare=100)
    large = _run(1, temporal=10, worker=5, api=3, database=12, client=900, bare=0)
    found = compared("change", [large], [small])
    assert found.cpu.median == 1.5
    assert found.cpu_ms_by_process["database"] == (12.0, 2.0)
    assert "client" not in found.cpu_ms_by_process


def test_fewer_drafts_than_the_goal_are_extrapolated_and_reported_as_such() -> None:
    found = _drafts((0, 100, 200), (500, 190, 250), (600, 200, 260), (1000, 204, 300))
    assert CACHED < FULL == 600
    assert found.per_draft == (10.0, 100.0)
    assert found.at_goal == Sample(GOAL, 294, 1200)
    (worker, server) = GrowthResult("sqlite", drafts=found).goals()
    assert (worker.met, server.met) == (False, True)
    assert "extrapolated" in worker.what
    assert any("EXTRAPOLATED" in note for note in GrowthResult("sqlite", drafts=found).notes())


def test_as_many_drafts_as_the_goal_are_measured() -> None:
    found = _drafts((0, 100, 200), (5000, 140, 700), (GOAL, 145, 1250))
    assert found.at_goal == Sample(GOAL, 145, 1250)
    assert not found.extrapolated
    assert all(", measured;" in each.what and each.met for each in GrowthResult("sqlite", drafts=found).goals())


def test_violated_invariants_are_noticed_and_unchecked_ones_are_named(fresh_database: str) -> None:
    steps = StepByStep(Settings(database=prepare_database(fresh_database)))
    order, store = steps.create_order(), steps.components.store
    steps.run_change(order, steps.record_request(order, "standard", "4711", [], confirm=True))
    assert check(fresh_database, seconds=-1).held == ()
    assert check(fresh_database).left_out == ()
    with store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE orders SET last_event = last_event + 1")
    store.close()
    with pytest.raises(AssertionError, match="events_have_no_gaps"):
        check(fresh_database)
