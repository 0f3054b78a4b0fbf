"""Computes the goals G4 to G8 and G13 from the runs, and those of an external bank."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.changes.footprints import Footprint, in_one_go
from bench.changes.kinds import DEARER, INTO_DRAFT, KINDS, REFUSED
from bench.figures import Figure, Goal, ratios
from bench.load import Run

MANY = 32
_BARE_DEARER = f"B({DEARER.name})"
_UNDONE = "CPU, 32 callers: refused at settlement / done"


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


def _cpu(run: Run) -> float:
    return run.cpu


def goals(runs: Runs, footprints: Sequence[Mapping[str, Footprint]], pairs: Sequence[float]) -> Iterator[Goal]:
    """Yield the goals for changes."""
    dearer, direct = DEARER.name, "direct"
    bare = f"a dearer change in one go, by API / {_BARE_DEARER}"
    tail = runs.of(dearer, "api", MANY, lambda run: run.p99_ms / run.p50_ms)
    yield Goal("G4", "p99 / p50, 32 callers: a dearer change", Figure(tuple(tail)), at_most=2)
    yield Goal("G5", f"CPU, 32 callers: {bare}", runs.against_bare(_BARE_DEARER, MANY, _cpu), at_most=1.2)
    yield Goal("G6 p50", "1 caller: by API / submitted directly, in pairs", Figure(tuple(pairs)), at_most=1.15)
    in_api = runs.of(dearer, "api", MANY, lambda run: run.cpu_ms["api"])
    in_client = runs.of(dearer, direct, MANY, lambda run: run.cpu_ms["client"])
    extra = Figure(tuple(a - b for a, b in zip(in_api, in_client, strict=True)))
    yield Goal("G6 CPU", "ms more in the API than submitted directly", extra, at_most=5.5)
    for name in footprints[0]:
        yield from _footprint_goals(name, [each[name] for each in footprints])
    yield Goal("G13", _UNDONE, _undone(runs), at_most=1.1)


def external_goals(runs: Runs, footprints: Sequence[Mapping[str, Footprint]]) -> Iterator[Goal]:
    """Yield the goals for changes in one go whose payments are at an external bank."""
    yield Goal("G13 external", _UNDONE, _undone(runs), at_most=1.6)
    for name in (in_one_go(kind) for kind in KINDS if kind is not REFUSED):
        yield from _history_goals(f"G8 external {name}", [each[name] for each in footprints], events=22, kilobytes=5.5)


def _undone(runs: Runs) -> Figure:
    return ratios(runs.of(REFUSED.name, "api", MANY, _cpu), runs.of(DEARER.name, "api", MANY, _cpu))


def _footprint_goals(name: str, footprints: Sequence[Footprint]) -> Iterator[Goal]:
    drafted = name.startswith(INTO_DRAFT)
    actions = Figure(tuple(each.actions for each in footprints))
    if not name.startswith(REFUSED.name):
        # A change that is undone costs more, and no goal limits that.
        yield Goal(f"G7 {name}", "billed actions", actions, at_most=4 if drafted else 6)
        events, kilobytes = (20, 5) if drafted else (10, 3.5)
        yield from _history_goals(f"G8 {name}", footprints, events, kilobytes)


def _history_goals(goal: str, footprints: Sequence[Footprint], events: int, kilobytes: float) -> Iterator[Goal]:
    count = Figure(tuple(each.history.events for each in footprints))
    yield Goal(goal, "history events", count, at_most=events)
    size = Figure(tuple(each.history.bytes / 1000 for each in footprints))
    yield Goal(goal, "kB of history", size, at_most=kilobytes)
