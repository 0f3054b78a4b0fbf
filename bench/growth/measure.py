"""Measures how costs grow, one promise after the other, each on rigs of its own."""

from collections.abc import Collection
from dataclasses import dataclass, field

from bench.growth import drafts, lines, resume, stores
from bench.growth.results import GrowthResult

GOALS = ("G9", "G10", "G11", "G12")


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    goals: Collection[str] = GOALS
    orders: int = stores.MANY
    """In the large store."""
    few: int = stores.FEW
    """In the small one."""
    drafts: int = 1_000
    """That are opened for memory."""
    parked: int = 200
    repeats: int = 5
    batch: int = 8
    """Changes of each kind in a repeat."""
    sizes: tuple[int, ...] = field(default=lines.SIZES)
    """Lines of orders; the others are compared with the first."""


def measure(database: str, options: Options | None = None) -> GrowthResult:
    """Measure on `sqlite` or `postgres`; AssertionError where a change did not end as it should or books are wrong."""
    asked = options or Options()
    times = {"repeats": asked.repeats, "batch": asked.batch}
    wanted = asked.goals
    return GrowthResult(
        database=database,
        lines=lines.measure(database, sizes=asked.sizes, **times) if "G9" in wanted else None,
        stores=stores.measure(database, asked.orders, asked.few, **times) if "G10" in wanted else None,
        drafts=drafts.measure(database, asked.drafts) if "G11" in wanted else None,
        resumed=resume.measure(database, asked.parked, **times) if "G12" in wanted else None,
    )
