"""Runs statements in parallel threads, where the database can."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_threads(acts: Sequence[Callable[[], T]], at_once: int = 2) -> list[T]:
    """Call all functions, this many at once, and return their results; raise the exception of the first that failed."""
    with ThreadPoolExecutor(at_once) as threads:
        return [done.result() for done in [threads.submit(act) for act in acts]]
