"""Figures over several repeats, and whether they meet a goal."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One figure, with a value for each repeat."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median: the value that is reported."""
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        """The smallest."""
        return min(self.values)

    @property
    def most(self) -> float:
        """The largest."""
        return max(self.values)

    def __str__(self) -> str:
        """Return the median and the range of the repeats."""
        if len(self.values) == 1:
            return f"{self.median:.2f}"
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"


def figure(value: float) -> Figure:
    """Return a figure that was measured once."""
    return Figure((value,))


def ratios(over: Sequence[float], under: Sequence[float]) -> Figure:
    """Return the ratio within each repeat: only values of the same repeat are comparable."""
    return Figure(tuple(a / b for a, b in zip(over, under, strict=True)))


@dataclass(frozen=True)
class Goal:
    """A performance goal and what was measured of it."""

    name: str
    """G4 to G15, and the part of it."""
    what: str
    measured: Figure
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool:
        """Whether the median meets the goal."""
        above = self.at_least is None or self.measured.median >= self.at_least
        return above and (self.at_most is None or self.measured.median <= self.at_most)

    @property
    def target(self) -> str:
        """The goal as text."""
        return f"at least {self.at_least:g}" if self.at_least is not None else f"at most {self.at_most:g}"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self) | {"median": self.measured.median, "met": self.met}
