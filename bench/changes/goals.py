"""What the runs say of the goals G1 to G8 and G13."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.changes.kinds import CHEAPER, DEARER, INTO_DRAFT, REFUSED
from bench.figures import Figure, Goal, figure, ratios
from bench.histories import History
from bench.load import Run

MANY = 32
_BARE_DEARER, _BARE_FIVE = f"B({DEARER.name})", "B5"
_IN_ONE_GO = ("add", DEARER.name, CHEAPER.name)


@dataclass(frozen=True)
class Runs:
    """All runs of a bench."""

    runs: Sequence[Run]

    def of(self, kind: str, via: str, callers: int, take: Callable[[Run], float]) -> list[float]:
        """Return a figure of one kind of run for each repeat, in their order."""
        mine = [each for each in self.runs if (each.kind, each.via, each.callers) == (kind, via, callers)]
        return [take(each) for each in sorted(mine, key=lambda each: each.repeat)]

    def against_bare(self, bare: str, callers: int, take: Callable[[Run], float]) -> Figure:
        """Return a dearer change through the API against a bare workflow."""
        return ratios(self.of(DEARER.name, "api", callers, take), self.of(bare, "bare", callers, take))


def _per_second(run: Run) -> float:
    return run.per_second


def _p50(run: Run) -> float:
    return run.p50_ms


def _cpu(run: Run) -> float:
    return run.cpu


def _actions(run: Run) -> float:
    return run.actions


def goals(runs: Runs, histories: dict[str, History]) -> Iterator[Goal]:
    """Yield the goals that changes are measured by."""
    dearer, direct = DEARER.name, "direct"
    bare = f"a dearer change in one go, by API / {_BARE_DEARER}"
    yield Goal(
        "G1", f"throughput, 32 callers: {bare}", runs.against_bare(_BARE_DEARER, MANY, _per_second), at_least=0.85
    )
    yield Goal(
        "G2", "throughput, 32 callers: likewise / B5", runs.against_bare(_BARE_FIVE, MANY, _per_second), at_least=1.5
    )
    yield Goal("G3", f"p50, 1 caller: {bare}", runs.against_bare(_BARE_DEARER, 1, _p50), at_most=1.25)
    tail = runs.of(dearer, "api", MANY, lambda run: run.p99_ms / run.p50_ms)
    yield Goal("G4", "p99 / p50, 32 callers: a dearer change", Figure(tuple(tail)), at_most=2)
    yield Goal("G5", f"CPU, 32 callers: {bare}", runs.against_bare(_BARE_DEARER, MANY, _cpu), at_most=1.25)
    apart = ratios(runs.of(dearer, "api", 1, _p50), runs.of(dearer, direct, 1, _p50))
    yield Goal("G6 p50", "1 caller: by API / asked directly", apart, at_most=1.15)
    in_api = runs.of(dearer, "api", MANY, lambda run: run.cpu_ms["api"])
    in_client = runs.of(dearer, direct, MANY, lambda run: run.cpu_ms["client"])
    extra = Figure(tuple(a - b for a, b in zip(in_api, in_client, strict=True)))
    yield Goal("G6 CPU", "ms more in the API than asked directly", extra, at_most=2.0)
    yield from _billed(runs)
    yield from _recorded(histories)
    undone = ratios(runs.of(REFUSED.name, "api", MANY, _cpu), runs.of(dearer, "api", MANY, _cpu))
    yield Goal("G13", "CPU, 32 callers: refused at settlement / done", undone, at_most=1.6)


def _billed(runs: Runs) -> Iterator[Goal]:
    for number in (1, 2, 3):
        actions = Figure(tuple(runs.of(f"{INTO_DRAFT} {number}", "api", MANY, _actions)))
        yield Goal(f"G7 draft {number}", f"billed actions: change {number} of a draft", actions, at_most=4)
    for kind in _IN_ONE_GO:
        actions = Figure(tuple(runs.of(kind, "api", MANY, _actions)))
        yield Goal(f"G7 {kind}", f"billed actions: {kind} in one go", actions, at_most=6)


def _recorded(histories: dict[str, History]) -> Iterator[Goal]:
    for name, history in histories.items():
        most = 20 if name.startswith(INTO_DRAFT) else 30
        yield Goal(f"G8 {name}", "history events", figure(history.events), at_most=most)
        if name.startswith(INTO_DRAFT):
            yield Goal(f"G8 {name}", "kB of history", figure(history.bytes / 1000), at_most=5)
