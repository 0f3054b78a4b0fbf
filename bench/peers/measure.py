"""Proves the DBOS app correct, then measures ours and it in alternation, each repeat on newly started servers.

Results are ratios within one repeat: wall times of a shared machine say little by themselves.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.changes.runs import open_bench
from bench.figures import Figure, Goal, ratios
from bench.load import PEERS_BANK, Run
from bench.peers.client import API, DBOS, DIRECT, Pair, Peer
from bench.peers.proof import Proof, prove
from bench.report import print_runs
from bench.rig import Bank, Rig, rig
from bench.workload import open_http_client
from cli.demo_bank import DemoBank
from tests.support.postgres import Postgres, new_database, postgres

THROUGHPUT, CPU, P50 = 1.0, 1.1, 1.15
"""G14: our throughput and CPU with 32 callers, and our p50 with one, over those of DBOS."""
EXTERNAL_THROUGHPUT = 0.6
"""G15: our throughput over that of DBOS with 32 callers, when both call an external bank as often."""
RESTATE = "Restate cannot be installed here: its half of G14 (throughput at least 0.28) is not measured."


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
    bank: Bank = Bank.EMBEDDED

    def ratios(self) -> Iterator[Ratio]:
        """Compare ours with DBOS, repeat by repeat."""
        for callers in sorted({run.callers for run in self.runs}):
            for ours in (API, DIRECT):
                for figure, of in _FIGURES.items():
                    values = ([of(run) for run in self._of(kind, callers)] for kind in (ours, DBOS))
                    yield Ratio(ours, callers, figure, ratios(*values))

    def goals(self) -> Iterator[Goal]:
        """Yield G14: a change through our API over one of DBOS, by the most callers and by the fewest.

        With an external bank G15 is judged instead; the other ratios are printed and have no goal.
        """
        most, fewest = (pick(run.callers for run in self.runs) for pick in (max, min))
        by_api = {(each.callers, each.figure): each.by_dbos for each in self.ratios() if each.ours == API}
        many, one = (f"{callers} callers: ours by API / DBOS" for callers in (most, fewest))
        if self.bank is Bank.EXTERNAL:
            what = f"throughput, external bank, {many}"
            yield Goal("G15", what, by_api[most, "throughput"], at_least=EXTERNAL_THROUGHPUT)
            return
        yield Goal("G14", f"throughput, {many}", by_api[most, "throughput"], at_least=THROUGHPUT)
        yield Goal("G14 CPU", f"CPU, {many}", by_api[most, "CPU"], at_most=CPU)
        yield Goal("G14 p50", f"p50, {one}", by_api[fewest, "p50"], at_most=P50)

    def _of(self, kind: str, callers: int) -> list[Run]:
        runs = [run for run in self.runs if (run.kind, run.callers) == (kind, callers)]
        return sorted(runs, key=lambda run: run.repeat)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "proof": asdict(self.proof),
            "bank": self.bank,
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


def measure(repeats: int = 5, counts: Mapping[int, int] = COUNTS, bank: Bank = Bank.EMBEDDED) -> PeersResult:
    """Prove and measure. Raises AssertionError before measuring if the DBOS app is not correct."""
    proof = prove_app(bank)
    runs: list[Run] = []
    for repeat in range(1, repeats + 1):
        with rig("postgres", bank=bank) as started, _beside(started, bank) as (beside, peer):
            runs += asyncio.run(_measured(beside, peer, repeat, counts))
            started.check()
    return PeersResult(proof, runs, bank)


def prove_app(bank: Bank = Bank.EMBEDDED) -> Proof:
    """Prove the DBOS app correct on its own PostgreSQL server, with a bank of its own if that is external."""
    with postgres() as server, tempfile.TemporaryDirectory(prefix="changeover-peer-") as folder:
        data = Path(folder)
        with _bank(data, bank) as its_bank, _running(_peer(server, data, its_bank)) as peer:
            return prove(peer)


@contextmanager
def _beside(started: Rig, bank: Bank) -> Iterator[tuple[Rig, Peer]]:
    """Start the peer on the rig's PostgreSQL server; yield the rig with the peer's processes in place of the bare.

    Each side has a process of the demo bank, so that every payment in our bank's book is ours.
    """
    if started.postgres is None:
        raise LookupError("both are measured on one PostgreSQL server")
    data = started.data / "peer"
    data.mkdir()
    with _bank(data, bank) as its_bank, _running(_peer(started.postgres, data, its_bank)) as peer:
        yield replace(started, beside=(peer.app, *((its_bank.process,) if its_bank else ()))), peer


def _peer(server: Postgres, data: Path, bank: DemoBank | None) -> Peer:
    return Peer(new_database(server.url, "peer"), data, bank.address if bank else None)


@contextmanager
def _bank(data: Path, bank: Bank) -> Iterator[DemoBank | None]:
    """Run a process of the demo bank, if the bank is external."""
    if bank is Bank.EMBEDDED:
        yield None
        return
    started = DemoBank(data, data / "bank.log", PEERS_BANK)
    started.start()
    try:
        yield started
    finally:
        started.process.stop()
        started.close()


@contextmanager
def _running(peer: Peer) -> Iterator[Peer]:
    peer.prepare()
    peer.start()
    try:
        yield peer
    finally:
        peer.app.stop()


async def _measured(beside: Rig, peer: Peer, repeat: int, counts: Mapping[int, int]) -> list[Run]:
    async with open_bench(beside, repeat, counts) as bench, open_http_client(peer.url) as http:
        pair = Pair(bench, peer, http)
        return [run for callers in counts for run in await pair.all(callers)]
