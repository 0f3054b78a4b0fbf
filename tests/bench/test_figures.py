"""Figures: ratios within a repeat, goals by their median, benches compared relative to bare workflows."""

from dataclasses import replace

from bench.changes.footprints import Footprint, in_one_go
from bench.changes.goals import Runs, external_goals, goals
from bench.changes.kinds import BARE, DEARER, INTO_DRAFT, KINDS, REFUSED
from bench.compare import relative
from bench.figures import Figure, Goal, ratios
from bench.histories import History
from bench.load import BANK, PEERS_BANK, Run

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
    assert met(all_runs(), "G5")
    assert not met(all_runs(ours=2), "G5")


def test_with_an_external_bank_a_refusal_may_cost_1_6_times_a_change_whose_history_may_have_22_events() -> None:
    for events, size, refused, expected in ((22, 5_500, 1.6, True), (23, 5_501, 1.61, False)):
        runs = [run(DEARER.name), run(REFUSED.name, slow=refused)]
        footprints = {in_one_go(kind): Footprint(History(events, size), actions=6) for kind in KINDS}
        found = list(external_goals(Runs(runs), [footprints]))
        assert [goal.met for goal in found] == [expected] * len(found)
        kinds = {f"G8 external {in_one_go(kind)}" for kind in KINDS if kind is not REFUSED}
        assert {goal.name for goal in found} == {"G13 external", *kinds}


def test_the_cpu_of_a_bank_is_shown_and_no_cost() -> None:
    with_bank = replace(run("anything"), cpu_ms={"api": 30, "worker": 30, BANK: 5, PEERS_BANK: 2})
    assert (with_bank.cpu, with_bank.bank_cpu) == (60, 7)


def test_comparing_benches_ignores_a_slower_machine_but_not_a_dearer_change() -> None:
    before, slower, dearer = relative(all_runs()), relative(all_runs(slow=3)), relative(all_runs(ours=2))
    for key, (cpu, p50) in before.items():
        assert slower[key] == (cpu, p50)
        assert dearer[key] == ((2 * cpu, 2 * p50) if key[1] != "bare" else (cpu, p50))
