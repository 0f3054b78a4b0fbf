"""What the desk must know of its installation."""

from dataclasses import dataclass

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class DeskSettings:
    """By which names, beside loopback ones, the desk may be called."""

    hosts: frozenset[str] = frozenset()

    def knows(self, host: str) -> bool:
        """Whether a Host header names this desk: a page elsewhere whose name leads here must not read it."""
        name = host.lower()
        bare = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        return bare in LOOPBACK | self.hosts
