"""What came out, as ratios within one repeat: wall times of a shared machine say little by themselves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.figures import Figure, Goal, ratios
from bench.load import Run
from bench.peers.asking import API, DBOS, DIRECT
from bench.peers.proof import Proof

GOAL = 1.2
"""G14: our throughput with 32 callers, by that of DBOS."""
RESTATE = "Restate cannot be installed here: its half of G14 (>= 0.28) is not measured."


@dataclass(frozen=True)
class Ratio:
    """One figure of ours by that of DBOS."""

    ours: str
    callers: int
    figure: str
    by_dbos: Figure


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
                    found = ([of(run) for run in self._of(kind, callers)] for kind in (ours, DBOS))
                    yield Ratio(ours, callers, figure, ratios(*found))

    def goal(self) -> Goal:
        """Return G14: changes a second through our API with the most callers, by those of DBOS."""
        most = max(run.callers for run in self.runs)
        found = (each for each in self.ratios() if (each.ours, each.callers) == (API, most))
        throughput = next(each.by_dbos for each in found if each.figure == "throughput")
        return Goal("G14", f"throughput, {most} callers: ours by API / DBOS", throughput, at_least=GOAL)

    def _of(self, kind: str, callers: int) -> list[Run]:
        runs = [run for run in self.runs if (run.kind, run.callers) == (kind, callers)]
        return sorted(runs, key=lambda run: run.repeat)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "proof": asdict(self.proof),
            "restate": RESTATE,
            "ratios": [asdict(ratio) for ratio in self.ratios()],
            "runs": [run.as_json() for run in self.runs],
        }


_FIGURES: Mapping[str, Callable[[Run], float]] = {
    "throughput": lambda run: run.per_second,
    "p50": lambda run: run.p50_ms,
    "p99": lambda run: run.p99_ms,
    "CPU": lambda run: run.cpu,
}
