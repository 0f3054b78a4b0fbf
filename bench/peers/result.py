"""What came out, as ratios within one repeat: wall times of a shared machine say little by themselves."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.load import Run
from bench.peers.asking import API, DBOS, DIRECT
from bench.peers.proof import Proof

GOAL = 1.2
"""G14: our throughput with 32 callers, by that of DBOS."""
RESTATE = "Restate cannot be installed here: its half of G14 (>= 0.28) is not measured."
_IDLE = {DBOS: ("temporal", "worker", "api"), API: ("dbos",), DIRECT: ("dbos",)}
"""Processes that have no part in it: what they used meanwhile is not its cost."""


@dataclass(frozen=True)
class Ratio:
    """One figure of ours by that of DBOS, over all repeats."""

    ours: str
    callers: int
    figure: str
    median: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class PeersResult:
    """What was proved and measured."""

    proof: Proof
    runs: Sequence[Run]

    def ratios(self) -> Iterator[Ratio]:
        """Compare ours with DBOS, repeat by repeat."""
        for callers in sorted({run.callers for run in self.runs}):
            for ours in (API, DIRECT):
                for figure, of in _FIGURES.items():
                    pairs = zip(self._of(ours, callers), self._of(DBOS, callers), strict=True)
                    found = [of(mine) / of(theirs) for mine, theirs in pairs]
                    yield Ratio(ours, callers, figure, statistics.median(found), min(found), max(found))

    @property
    def throughput(self) -> float:
        """G14: changes a second through our API with the most callers, by those of DBOS."""
        most = max(run.callers for run in self.runs)
        ratios = (each for each in self.ratios() if (each.ours, each.callers) == (API, most))
        return next(each.median for each in ratios if each.figure == "throughput")

    @property
    def met(self) -> bool:
        """Whether that is what was promised."""
        return self.throughput >= GOAL

    def cpu(self, kind: str, callers: int) -> Mapping[str, float]:
        """Return milliseconds of CPU for one change by process, the median over all repeats."""
        runs = self._of(kind, callers)
        return {name: statistics.median(run.cpu_ms[name] for run in runs) for name in runs[0].cpu_ms}

    def median(self, kind: str, callers: int, figure: Callable[[Run], float]) -> float:
        """Return the median of a figure over all repeats."""
        return statistics.median(figure(run) for run in self._of(kind, callers))

    def _of(self, kind: str, callers: int) -> list[Run]:
        runs = [run for run in self.runs if (run.kind, run.callers) == (kind, callers)]
        return sorted(runs, key=lambda run: run.repeat)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "proof": asdict(self.proof),
            "throughput": self.throughput,
            "goal": GOAL,
            "met": self.met,
            "restate": RESTATE,
            "ratios": [asdict(ratio) for ratio in self.ratios()],
            "runs": [run.as_json() for run in self.runs],
        }


def used(run: Run) -> float:
    """Return milliseconds of CPU for one, in the processes that have a part in it."""
    return sum(spent for name, spent in run.cpu_ms.items() if name not in _IDLE[run.kind])


_FIGURES: Mapping[str, Callable[[Run], float]] = {
    "throughput": lambda run: run.per_second,
    "p50": lambda run: run.p50_ms,
    "p99": lambda run: run.p99_ms,
    "CPU": used,
}
