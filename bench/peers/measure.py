"""Proves the DBOS app correct, then measures ours and it in alternation, each repeat on newly started servers.

Results are ratios within one repeat: wall times of a shared machine say little by themselves.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.changes.runs import open_bench
from bench.figures import Figure, Goal, ratios
from bench.load import Run
from bench.peers.client import API, DBOS, DIRECT, Pair, Peer
from bench.peers.proof import Proof, prove
from bench.report import print_runs
from bench.rig import Rig, rig
from bench.workload import open_http_client
from tests.support.postgres import new_database, postgres

GOAL = 1.2
"""G14: our throughput with 32 callers over that of DBOS."""
RESTATE = "Restate cannot be installed here: its half of G14 (>= 0.28) is not measured."


@dataclass(frozen=True)
class Ratio:
    """One figure of ours over that of DBOS."""

    ours: str
    callers: int
    figure: str
    by_dbos: Figure


@dataclass(frozen=True)
class PeersResult:
    """The proof and the measurements."""

    proof: Proof
    runs: Sequence[Run]

    def ratios(self) -> Iterator[Ratio]:
        """Compare ours with DBOS, repeat by repeat."""
        for callers in sorted({run.callers for run in self.runs}):
            for ours in (API, DIRECT):
                for figure, of in _FIGURES.items():
                    values = ([of(run) for run in self._of(kind, callers)] for kind in (ours, DBOS))
                    yield Ratio(ours, callers, figure, ratios(*values))

    def goal(self) -> Goal:
        """Return G14: changes a second through our API with the most callers, over those of DBOS."""
        most = max(run.callers for run in self.runs)
        by_api = (each for each in self.ratios() if (each.ours, each.callers) == (API, most))
        throughput = next(each.by_dbos for each in by_api if each.figure == "throughput")
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


def print_result(result: PeersResult, console: Console) -> None:
    """Print the tables."""
    proof = result.proof
    console.print(f"proved in {proof.seconds:.0f} s: {proof.changes} changes, {proof.killed} killed within a step")
    print_runs(console, result.runs)
    ratios = Table("", "callers", "figure", "ours / DBOS (from, to)", title="ours / DBOS, within each repeat")
    for each in result.ratios():
        ratios.add_row(each.ours, str(each.callers), each.figure, str(each.by_dbos))
    console.print(ratios)
    console.print(RESTATE)


COUNTS: Mapping[int, int] = {1: 20, 32: 96}
"""Changes to run, by number of callers."""


def measure(repeats: int = 5, counts: Mapping[int, int] = COUNTS) -> PeersResult:
    """Prove and measure. Raises AssertionError before measuring if the DBOS app is not correct."""
    proof = prove_app()
    runs: list[Run] = []
    for repeat in range(1, repeats + 1):
        with rig("postgres") as started, _peer(started) as peer:
            runs += asyncio.run(_measured(started, peer, repeat, counts))
            started.check()
    return PeersResult(proof, runs)


def prove_app() -> Proof:
    """Prove the DBOS app correct on its own PostgreSQL server."""
    with postgres() as server, _running(Peer(new_database(server.url, "peer"), server.log.parent.parent)) as peer:
        return prove(peer)


@contextmanager
def _peer(started: Rig) -> Iterator[Peer]:
    if started.postgres is None:
        raise LookupError("both are measured on one PostgreSQL server")
    with _running(Peer(new_database(started.postgres.url, "peer"), started.data)) as peer:
        yield peer


@contextmanager
def _running(peer: Peer) -> Iterator[Peer]:
    peer.prepare()
    peer.start()
    try:
        yield peer
    finally:
        peer.app.stop()


async def _measured(started: Rig, peer: Peer, repeat: int, counts: Mapping[int, int]) -> list[Run]:
    beside = replace(started, bare=peer.app)
    async with open_bench(beside, repeat, counts) as bench, open_http_client(peer.url) as http:
        pair = Pair(bench, peer, http)
        return [run for callers in counts for run in await pair.all(callers)]
