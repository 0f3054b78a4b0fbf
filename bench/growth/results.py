"""What was measured, against what was promised."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bench.changes.kinds import INTO_DRAFT
from bench.growth.drafts import GOAL, Drafts
from bench.growth.lines import Lines
from bench.growth.resume import Resumed
from bench.growth.stores import Stores

LINES, STORES, SERVER_MB, WORKER_MB, RESUME = 1.10, 1.15, 1300, 150, 2.5
EVENTS, BYTES, REPLAYED = 20, 5_000, 50


@dataclass(frozen=True)
class Verdict:
    """One promise."""

    goal: str
    what: str
    asked: str
    measured: str
    met: bool


@dataclass(frozen=True)
class GrowthResult:
    """Everything that was measured; what was not asked for is none."""

    database: str
    lines: Lines | None = None
    stores: Stores | None = None
    drafts: Drafts | None = None
    resumed: Resumed | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON, with what came of each promise."""
        return asdict(self) | {"verdicts": [asdict(each) for each in self.verdicts()]}

    def verdicts(self) -> list[Verdict]:
        """Return each promise with what was measured."""
        return [*self._of_lines(), *self._of_stores(), *self._of_drafts(), *self._of_resumed()]

    def notes(self) -> Iterator[str]:
        """Yield what must be known to read the figures."""
        if self.stores:
            for which, filled in (("many", self.stores.many), ("few", self.stores.few)):
                rows = ", ".join(f"{count:,} {table}" for table, count in filled.rows.items() if count)
                yield f"G10 {which}: filled in {filled.seconds:.0f} s with {sum(filled.rows.values()):,} rows: {rows}"
                yield f"G10 {which}: {filled.books}"
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
                yield f"{name}: {part.books}"

    def _of_lines(self) -> Iterator[Verdict]:
        if not self.lines:
            return
        sizes = f"<= {EVENTS} events, <= {BYTES / 1000:g} kB"
        for size, found in self.lines.histories[INTO_DRAFT].items():
            met = found.events <= EVENTS and found.size <= BYTES
            yield Verdict("G8", f"history into a draft, {size} lines", sizes, f"{found.events}, {found.size:,} B", met)
        for size, each in self.lines.compared.items():
            for one in each:
                for name, ratio in (("p50", one.p50), ("CPU", one.cpu)):
                    what = f"{one.change}, {size} lines / 1: {name}"
                    yield Verdict("G9", what, f"<= {LINES:.2f}", str(ratio), ratio.at_most(LINES))

    def _of_stores(self) -> Iterator[Verdict]:
        if not self.stores:
            return
        sizes = f"{self.stores.many.rows['orders']:,} orders / {self.stores.few.rows['orders']:,}"
        for one in self.stores.compared:
            for name, ratio in (("p50", one.p50), ("CPU", one.cpu)):
                what = f"{one.change}, {sizes}: {name}"
                yield Verdict("G10", what, f"<= {STORES:.2f}", str(ratio), ratio.at_most(STORES))

    def _of_drafts(self) -> Iterator[Verdict]:
        if not self.drafts:
            return
        first, at = self.drafts.samples[0], self.drafts.at_goal
        how = "extrapolated" if self.drafts.extrapolated else "measured"
        for name, asked, most, start in (
            ("worker", WORKER_MB, at.worker, first.worker),
            ("server", SERVER_MB, at.server, first.server),
        ):
            found = f"{most:.0f} MB, {most - start:.0f} above its start ({how})"
            yield Verdict("G11", f"{at.drafts:,} open drafts: {name}", f"<= {asked} MB", found, most <= asked)

    def _of_resumed(self) -> Iterator[Verdict]:
        if not self.resumed:
            return
        p50, events = self.resumed.compared.p50, self.resumed.events
        yield Verdict("G12", "cold / warm resume: p50", f"<= {RESUME}", str(p50), p50.at_most(RESUME))
        yield Verdict("G12", "events to replay", f"<= {REPLAYED}", str(events), events <= REPLAYED)
