"""The results for G8 to G12, and notes for reading them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bench.changes.kinds import INTO_DRAFT
from bench.figures import Goal, figure
from bench.growth.drafts import GOAL, Drafts
from bench.growth.lines import Lines
from bench.growth.resume import Resumed
from bench.growth.stores import Stores

LINES, STORES, SERVER_MB, WORKER_MB, RESUME = 1.10, 1.15, 1300, 150, 2.5
EVENTS, KB, REPLAYED = 20, 5, 50


@dataclass(frozen=True)
class GrowthResult:
    """All measurements; None for those that were not requested."""

    database: str
    lines: Lines | None = None
    stores: Stores | None = None
    drafts: Drafts | None = None
    resumed: Resumed | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    def goals(self) -> list[Goal]:
        """Return the goals with what was measured."""
        return [*self._of_lines(), *self._of_stores(), *self._of_drafts(), *self._of_resumed()]

    def notes(self) -> Iterator[str]:
        """Yield notes that are needed to read the figures."""
        if self.stores:
            for which, filled in (("many", self.stores.many), ("few", self.stores.few)):
                rows = ", ".join(f"{count:,} {table}" for table, count in filled.rows.items() if count)
                yield f"G10 {which}: filled in {filled.seconds:.0f} s with {sum(filled.rows.values()):,} rows: {rows}"
                yield f"G10 {which}: {filled.invariants}"
            for one in self.stores.compared:
                parts = one.cpu_ms_by_process.items()
                used = ", ".join(f"{name} {many:.0f} / {few:.0f}" for name, (many, few) in parts)
                yield f"G10 {one.change}: ms of CPU in the many / the few: {used}"
        if self.drafts and self.drafts.extrapolated:
            worker, server = self.drafts.per_draft
            opened = f"{self.drafts.samples[-1].drafts:,} drafts were opened"
            each = f"worker {worker:.1f} kB, server {server:.1f} kB for each further draft"
            yield f"G11: {opened}; the figures for {GOAL:,} are EXTRAPOLATED: {each}"
        if self.resumed:
            cold, warm = self.resumed.misses
            yield f"G12: of {self.resumed.changes} changes each, {cold} cold and {warm} warm had their history read"
        for name, part in (("G9", self.lines), ("G11", self.drafts), ("G12", self.resumed)):
            if part:
                yield f"{name}: {part.invariants}"

    def _of_lines(self) -> Iterator[Goal]:
        if not self.lines:
            return
        for size, history in self.lines.histories[INTO_DRAFT].items():
            yield Goal("G8", f"history events, {INTO_DRAFT}, {size} lines", figure(history.events), at_most=EVENTS)
            yield Goal("G8", f"kB of history, {INTO_DRAFT}, {size} lines", figure(history.bytes / 1000), at_most=KB)
        for size, each in self.lines.compared.items():
            for one in each:
                yield Goal("G9", f"p50 {one.change}, {size} lines / 1", one.p50, at_most=LINES)
                yield Goal("G9", f"CPU {one.change}, {size} lines / 1", one.cpu, at_most=LINES)

    def _of_stores(self) -> Iterator[Goal]:
        if not self.stores:
            return
        sizes = f"{self.stores.many.rows['orders']:,} orders / {self.stores.few.rows['orders']:,}"
        for one in self.stores.compared:
            yield Goal("G10", f"p50 {one.change}, {sizes}", one.p50, at_most=STORES)
            yield Goal("G10", f"CPU {one.change}, {sizes}", one.cpu, at_most=STORES)

    def _of_drafts(self) -> Iterator[Goal]:
        if not self.drafts:
            return
        first, reached = self.drafts.samples[0], self.drafts.at_goal
        how = "extrapolated" if self.drafts.extrapolated else "measured"
        with_so_many = f"MB with {reached.drafts:,} open drafts, {how};"
        worker, server = f"the worker, {first.worker:.0f} at its start", f"the server, {first.server:.0f} at its start"
        yield Goal("G11", f"{with_so_many} {worker}", figure(reached.worker), at_most=WORKER_MB)
        yield Goal("G11", f"{with_so_many} {server}", figure(reached.server), at_most=SERVER_MB)

    def _of_resumed(self) -> Iterator[Goal]:
        if not self.resumed:
            return
        yield Goal("G12", "p50 of a cold / a warm resume", self.resumed.compared.p50, at_most=RESUME)
        yield Goal("G12", "events to replay", figure(self.resumed.events), at_most=REPLAYED)
