"""Measures how costs grow, one goal after the other, each on its own rigs."""

from collections.abc import Collection
from dataclasses import dataclass, field

from bench.growth import drafts, lines, resume, stores
from bench.growth.results import GrowthResult

GOALS = ("G9", "G10", "G11", "G12")


@dataclass(frozen=True)
class Options:
    """What to measure, and how much."""

    goals: Collection[str] = GOALS
    orders: int = stores.MANY
    """Orders in the large store."""
    few: int = stores.FEW
    """Orders in the small store."""
    drafts: int = 1_000
    """Drafts that are opened to measure memory."""
    parked: int = 200
    repeats: int = 5
    batch: int = 8
    """Changes of each kind in a repeat."""
    sizes: tuple[int, ...] = field(default=lines.SIZES)
    """Numbers of lines; the others are compared with the first."""


def measure(database: str, options: Options | None = None) -> GrowthResult:
    """Measure on `sqlite` or `postgres`.

    Raises AssertionError if a change does not end as expected or an invariant is violated.
    """
    options = options or Options()
    times = {"repeats": options.repeats, "batch": options.batch}
    goals = options.goals
    return GrowthResult(
        database=database,
        lines=lines.measure(database, sizes=options.sizes, **times) if "G9" in goals else None,
        stores=stores.measure(database, options.orders, options.few, **times) if "G10" in goals else None,
        drafts=drafts.measure(database, options.drafts) if "G11" in goals else None,
        resumed=resume.measure(database, options.parked, **times) if "G12" in goals else None,
    )
