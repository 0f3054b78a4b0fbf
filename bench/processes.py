"""CPU time and memory of the processes under test and of their children."""

import os
from collections.abc import Iterator, Mapping

import psutil

MEGABYTE = 1_000_000


class Processes:
    """The processes under test by name, and what each has used."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = {name: psutil.Process(pid) for name, pid in roots.items()}

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time that each process has used since its start, including its ended children."""
        return {name: sum(_used(each) for each in self._family(root)) for name, root in self._roots.items()}

    def megabytes(self) -> dict[str, float]:
        """Return the resident memory of each process in megabytes."""
        return {name: sum(_resident(each) for each in self._family(root)) for name, root in self._roots.items()}

    def _family(self, root: psutil.Process) -> Iterator[psutil.Process]:
        yield root
        # All measured processes are children of this process.
        if root.pid != os.getpid():
            yield from root.children(recursive=True)


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return the increase of each value."""
    return {name: after[name] - before[name] for name in after}


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # it has just ended; its times count as its parent's
        return 0.0
    ended = 0.0 if process.pid == os.getpid() else times.children_user + times.children_system
    return float(times.user + times.system + ended)


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / MEGABYTE
    except psutil.NoSuchProcess:
        return 0.0
