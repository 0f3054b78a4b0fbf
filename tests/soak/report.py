"""The report of a soak, as text."""

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
    client_log: ClientLog
    chaos: Chaos
    reached: int
    settled: float
    """Seconds from the end of the traffic until everything was at rest and checked."""
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
    yield f"repeat    {soak.command}"


def _traffic(soak: Soak) -> Iterator[str]:
    client_log, acts = soak.client_log, sum(map(len, soak.program.clients))
    yield f"program   {soak.program.digest}: {soak.reached} of {acts} acts were performed"
    yield f"twice     {client_log.sent_twice} requests were sent twice under one key"
    yield from _counted("requests", Counter(client_log.kinds.values()))
    yield from _counted(
        "answers",
        Counter(f"{each.status} {each.code or ''}".strip() for each in client_log.answers if not each.from_change_page),
    )
    yield f"          {client_log.unanswered} connections ended without an answer"
    yield from _counted("operators", client_log.operated)


def _counted(name: str, counts: Counter[str]) -> Iterator[str]:
    for number, (what, count) in enumerate(sorted(counts.items())):
        yield f"{name if not number else '':<9} {count:5}  {what}"


def _kills(soak: Soak) -> Iterator[str]:
    yield f"kills     {len(soak.chaos.performed)}; seconds until a change sent afterwards was done, and until those"
    yield "          in progress then had their outcome:"
    for part in sorted({each.part for each in soak.chaos.performed}):
        kills = [each for each in soak.chaos.performed if each.part is part]
        successes = [(soak.client_log.next_success(each.since), each.since) for each in kills]
        waits = [success - since for success, since in successes if success is not None]
        in_progress = [seconds for each in kills for seconds in soak.client_log.seconds_in_progress(each.since)]
        survived = f"{part:<18} {len(kills)}, {len(waits)} survived"
        yield f"          {survived:<34} next {_spread(waits):<26} in progress {_spread(in_progress)}"
    for name, count in sorted(Counter(soak.chaos.died).items()):
        yield f"          {name} ended by itself {count} times and was started again"


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return "none"
    return f"p50 {median(seconds):.1f} max {max(seconds):.1f} ({len(seconds)})"


def _end(soak: Soak) -> Iterator[str]:
    lost = sum(each.rule == LOST for each in soak.violations)
    changes = len(soak.client_log.acknowledged)
    yield f"answered  {changes} changes and {len(soak.client_log.orders)} orders acknowledged, {lost} of them lost"
    yield f"settled   {soak.settled:.1f} s after the traffic"
    yield f"violations {len(soak.violations)}"
    for each in soak.violations:
        yield f"  {each.rule}: {f'order {each.order}: ' if each.order else ''}{each.what}"
    if soak.violations:
        yield f"run it again: {soak.command}"
