"""Computes the goals G1 to G8 and G13 from the runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.changes.footprints import Footprint
from bench.changes.kinds import DEARER, INTO_DRAFT, REFUSED
from bench.figures import Figure, Goal, ratios
from bench.load import Run

MANY = 32
_BARE_DEARER, _BARE_FIVE = f"B({DEARER.name})", "B5"


@dataclass(frozen=True)
class Runs:
    """All runs of a bench."""

    runs: Sequence[Run]

    def of(self, kind: str, via: str, callers: int, take: Callable[[Run], float]) -> list[float]:
        """Return a figure of one kind of run for each repeat, in their order."""
        repeats = [each for each in self.runs if (each.kind, each.via, each.callers) == (kind, via, callers)]
        return [take(each) for each in sorted(repeats, key=lambda each: each.repeat)]

    def against_bare(self, bare: str, callers: int, take: Callable[[Run], float]) -> Figure:
        """Return the ratio of a dearer change through the API to a bare workflow."""
        return ratios(self.of(DEARER.name, "api", callers, take), self.of(bare, "bare", callers, take))


def _per_second(run: Run) -> float:
    return run.per_second


def _p50(run: Run) -> float:
    return run.p50_ms


def _cpu(run: Run) -> float:
    return run.cpu


def goals(runs: Runs, footprints: Sequence[Mapping[str, Footprint]], pairs: Sequence[float]) -> Iterator[Goal]:
    """Yield the goals for changes."""
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
    yield Goal("G6 p50", "1 caller: by API / submitted directly, in pairs", Figure(tuple(pairs)), at_most=1.15)
    in_api = runs.of(dearer, "api", MANY, lambda run: run.cpu_ms["api"])
    in_client = runs.of(dearer, direct, MANY, lambda run: run.cpu_ms["client"])
    extra = Figure(tuple(a - b for a, b in zip(in_api, in_client, strict=True)))
    yield Goal("G6 CPU", "ms more in the API than submitted directly", extra, at_most=2.0)
    for name in footprints[0]:
        yield from _footprint_goals(name, [each[name] for each in footprints])
    undone = ratios(runs.of(REFUSED.name, "api", MANY, _cpu), runs.of(dearer, "api", MANY, _cpu))
    yield Goal("G13", "CPU, 32 callers: refused at settlement / done", undone, at_most=1.6)


def _footprint_goals(name: str, footprints: Sequence[Footprint]) -> Iterator[Goal]:
    drafted = name.startswith(INTO_DRAFT)
    actions = Figure(tuple(each.actions for each in footprints))
    events = Figure(tuple(each.history.events for each in footprints))
    if not name.startswith(REFUSED.name):
        # A change that is undone costs more, and no goal limits that.
        yield Goal(f"G7 {name}", "billed actions", actions, at_most=4 if drafted else 6)
        yield Goal(f"G8 {name}", "history events", events, at_most=20 if drafted else 30)
    if drafted:
        size = Figure(tuple(each.history.bytes / 1000 for each in footprints))
        yield Goal(f"G8 {name}", "kB of history", size, at_most=5)
