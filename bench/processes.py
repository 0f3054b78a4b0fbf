"""CPU time and memory of the processes under test, with those they started."""

import os
from collections.abc import Iterator, Mapping

import psutil

MEGABYTE = 1_000_000


class Processes:
    """Names the processes under test and reads what each has used."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = {name: psutil.Process(pid) for name, pid in roots.items()}

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time each has used since it began; what children used that have ended counts too."""
        return {name: sum(_used(each) for each in self._family(root)) for name, root in self._roots.items()}

    def megabytes(self) -> dict[str, float]:
        """Return the memory each keeps resident."""
        return {name: sum(_resident(each) for each in self._family(root)) for name, root in self._roots.items()}

    def _family(self, root: psutil.Process) -> Iterator[psutil.Process]:
        yield root
        # All that is measured are children of the process that measures.
        if root.pid != os.getpid():
            yield from root.children(recursive=True)


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return how much each has grown."""
    return {name: after[name] - before[name] for name in after}


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # ended just now; its parent has its times
        return 0.0
    gone = 0.0 if process.pid == os.getpid() else times.children_user + times.children_system
    return float(times.user + times.system + gone)


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / MEGABYTE
    except psutil.NoSuchProcess:
        return 0.0
