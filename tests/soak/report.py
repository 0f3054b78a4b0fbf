"""What a soak found, as text."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from tests.soak.chaos import Chaos
from tests.soak.client_log import ClientLog, Violation
from tests.soak.final_checks import LOST
from tests.soak.program import Program


@dataclass(frozen=True)
class Soak:
    """One run."""

    program: Program
    minutes: float
    database: str
    ledger: ClientLog
    monkey: Chaos
    reached: int
    settled: float
    """Seconds from the end of the traffic until all was at rest and judged."""
    violations: list[Violation]

    @property
    def command(self) -> str:
        """The command line that runs the same program."""
        return f"make soak SEED={self.program.seed} MINUTES={self.minutes:g} DATABASE={self.database}"


def report(soak: Soak) -> str:
    """Return a run's report."""
    return "\n".join([*_head(soak), *_traffic(soak), *_kills(soak), *_end(soak)])


def _head(soak: Soak) -> Iterator[str]:
    yield f"soak      seed {soak.program.seed}, {soak.database}, {soak.minutes:g} min"
    yield f"again     {soak.command}"


def _traffic(soak: Soak) -> Iterator[str]:
    ledger, acts = soak.ledger, sum(map(len, soak.program.clients))
    yield f"program   {soak.program.digest}: {soak.reached} of {acts} acts came to their time"
    yield f"twice     {ledger.sent_twice} requests were sent twice under one key"
    yield from _counted("requests", Counter(ledger.kinds.values()))
    yield from _counted(
        "answers", Counter(f"{each.status} {each.code or ''}".strip() for each in ledger.answers if not each.from_change_page)
    )
    yield f"          {ledger.unanswered} connections ended without an answer"
    yield from _counted("operators", ledger.operated)


def _counted(name: str, counts: Counter[str]) -> Iterator[str]:
    for number, (what, count) in enumerate(sorted(counts.items())):
        yield f"{name if not number else '':<9} {count:5}  {what}"


def _kills(soak: Soak) -> Iterator[str]:
    yield f"kills     {len(soak.monkey.performed)}; seconds until a change sent afterwards was done, and until those"
    yield "          under way then had their outcome:"
    for part in sorted({each.part for each in soak.monkey.performed}):
        mine = [each for each in soak.monkey.performed if each.part is part]
        fresh = [(soak.ledger.next_success(each.since), each.since) for each in mine]
        seen = [told - since for told, since in fresh if told is not None]
        under_way = [seconds for each in mine for seconds in soak.ledger.seconds_in_progress(each.since)]
        survived = f"{part:<18} {len(mine)}, {len(seen)} survived"
        yield f"          {survived:<34} next {_spread(seen):<26} under way {_spread(under_way)}"
    for name, count in sorted(Counter(soak.monkey.died).items()):
        yield f"          {name} ended by itself {count} times and was started again"


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return "none"
    return f"p50 {median(seconds):.1f} max {max(seconds):.1f} ({len(seconds)})"


def _end(soak: Soak) -> Iterator[str]:
    lost = sum(each.rule == LOST for each in soak.violations)
    changes = len(soak.ledger.acknowledged)
    yield f"told      {changes} changes and {len(soak.ledger.orders)} orders acknowledged, {lost} of them lost"
    yield f"settled   {soak.settled:.1f} s after the traffic"
    yield f"violations {len(soak.violations)}"
    for each in soak.violations:
        yield f"  {each.rule}: {f'order {each.order}: ' if each.order else ''}{each.what}"
    if soak.violations:
        yield f"run it again: {soak.command}"
