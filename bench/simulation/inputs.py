"""What a simulation is told: service times, which are measured, and how much of everything there is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

MEASURED = Path(__file__).parent / "measured.json"

API, WORKER, HISTORY, POSTGRES, PROVIDER = "api", "worker", "history", "postgres", "provider"
RESOURCES = (API, WORKER, HISTORY, POSTGRES, PROVIDER)
_COUNTS = {
    API: "api_cores",
    WORKER: "worker_cores",
    HISTORY: "shards",
    POSTGRES: "postgres_cores",
    PROVIDER: "provider_slots",
}


@dataclass(frozen=True)
class Inputs:
    """Milliseconds are for one whole change."""

    api_ms: float
    """CPU of the API."""
    worker_ms: float
    """CPU of the worker."""
    history_ms: float
    """What a history shard does one after the other."""
    postgres_ms: float
    """CPU of PostgreSQL."""
    provider_ms: float
    """How long a provider outside takes to answer; 0 where none is outside."""
    steps: int = 10
    """In how many equal parts a change visits worker, database and history."""
    api_cores: int = 1
    worker_cores: int = 1
    """A Python process uses one: cores are replicas."""
    shards: int = 1
    postgres_cores: int = 1
    provider_slots: int = 20
    """How many steps of the provider's task queue run at once, on all its workers together."""
    orders: int = 10_000
    hot_share: float = 0.0
    """How much of everything is asked of one order; the rest is spread evenly over all."""
    most_waiting: int = 6
    longest_wait_s: float = 10.0
    ask_again_s: float = 10.0
    """How long the API asks again for a place in a full queue."""

    @classmethod
    def read(cls, path: Path = MEASURED) -> Self:
        """Read them from JSON; members that begin with an underscore are remarks."""
        found = json.loads(path.read_text())
        return cls(**{name: value for name, value in found.items() if not name.startswith("_")})

    def servers(self) -> Mapping[str, int]:
        """Return how many servers each resource has."""
        return {name: getattr(self, count) for name, count in _COUNTS.items()}

    def seconds(self) -> Mapping[str, float]:
        """Return how long one change needs a server of each resource."""
        times = (self.api_ms, self.worker_ms, self.history_ms, self.postgres_ms, self.provider_ms)
        return {name: time / 1000 for name, time in zip(RESOURCES, times, strict=True)}

    def load(self, rate: float) -> Mapping[str, float]:
        """Return the share of each resource that so many changes a second need; above 1 they pile up."""
        servers, seconds = self.servers(), self.seconds()
        return {name: rate * seconds[name] / servers[name] for name in RESOURCES}

    def busiest(self) -> str:
        """Return the resource that is full first."""
        return max(RESOURCES, key=lambda name: self.load(1.0)[name])

    def capacity(self) -> float:
        """Return how many changes a second fill the busiest resource, were they spread evenly."""
        return 1 / max(self.load(1.0).values())

    def sized(self, servers: Mapping[str, int]) -> Self:
        """Return the same with so many servers of some resources."""
        return replace(self, **{_COUNTS[name]: count for name, count in servers.items()})

    def grown(self, resource: str, factor: int) -> Self:
        """Return the same with so many times as much of one resource."""
        return self.sized({resource: self.servers()[resource] * factor})
