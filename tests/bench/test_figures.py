"""Figures: ratios within a repeat, goals by their median, benches compared relative to bare workflows."""

from bench.changes.footprints import Footprint
from bench.changes.goals import Runs, goals
from bench.changes.kinds import BARE, INTO_DRAFT, KINDS
from bench.compare import relative
from bench.figures import Figure, Goal, ratios
from bench.histories import History
from bench.load import Run

_PARTS = {"bare": ("bare", "temporal"), "api": ("api", "worker"), "direct": ("api", "worker")}


def run(kind: str, via: str = "api", callers: int = 32, repeat: int = 1, *, slow: float = 1) -> Run:
    return Run(
        kind=kind,
        via=via,
        callers=callers,
        repeat=repeat,
        count=10,
        p50_ms=100 * slow,
        p99_ms=150 * slow,
        worst_ms=160 * slow,
        per_second=20 / slow,
        cpu_ms=dict.fromkeys((*_PARTS[via], "client"), 30 * slow),
        actions=4,
    )


def all_runs(slow: float = 1, ours: float = 1) -> list[Run]:
    bare = [(name, "bare", slow) for name in BARE]
    changes = [(kind.name, via, slow * ours) for kind in KINDS for via in ("api", "direct")]
    drafts = [(f"{INTO_DRAFT} {number}", "api", slow * ours) for number in (1, 2, 3)]
    every = [*bare, *changes, *drafts]
    return [run(kind, via, callers, slow=cost) for kind, via, cost in every for callers in (1, 8, 32)]


def met(runs: list[Run], name: str, pairs: float = 1.1) -> bool:
    footprints = [{f"{INTO_DRAFT} 1": Footprint(History(14, 4_900), actions=4)}]
    return {goal.name: goal for goal in goals(Runs(runs), footprints, [pairs])}[name].met


def test_callers_and_idle_processes_are_not_counted_in_a_cost() -> None:
    assert run("anything").cpu == run("anything", "bare").cpu == 60
    assert run("anything", "direct").cpu == 30


def test_a_ratio_is_taken_within_each_repeat() -> None:
    found = ratios([2, 30, 8], [1, 10, 2])
    assert (found.median, found.least, found.most) == (3, 2, 4)


def test_a_goal_is_judged_by_the_median() -> None:
    most = Goal("G", "", Figure((1.0, 1.2, 9.0)), at_most=1.25)
    assert most.met
    assert not Goal("G", "", Figure((1.0, 1.3, 9.0)), at_most=1.25).met
    assert not Goal("G", "", Figure((0.8,)), at_least=0.85).met


def test_a_change_through_the_api_may_take_15_percent_longer_than_one_submitted_directly() -> None:
    assert met(all_runs(), "G6 p50", pairs=1.15)
    assert not met(all_runs(), "G6 p50", pairs=1.16)


def test_goals_are_met_at_the_cost_of_bare_workflows_and_not_at_twice_that() -> None:
    for name in ("G1", "G3", "G5"):
        assert met(all_runs(), name)
        assert not met(all_runs(ours=2), name)


def test_comparing_benches_ignores_a_slower_machine_but_not_a_dearer_change() -> None:
    before, slower, dearer = relative(all_runs()), relative(all_runs(slow=3)), relative(all_runs(ours=2))
    for key, (cpu, p50) in before.items():
        assert slower[key] == (cpu, p50)
        assert dearer[key] == ((2 * cpu, 2 * p50) if key[1] != "bare" else (cpu, p50))
