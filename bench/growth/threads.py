"""Two things at once, where the database can."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_threads(acts: Sequence[Callable[[], T]], at_once: int = 2) -> list[T]:
    """Do all, so many at once, and return what each returned; raise what the first that failed raised."""
    with ThreadPoolExecutor(at_once) as threads:
        return [done.result() for done in [threads.submit(act) for act in acts]]
