"""The fake bank of examples/fake_systems that lists every call: how often a change calls an external bank."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.workload import OK, REFUSED
from examples.fake_systems.bank import Bank, FoundKey
from examples.fake_systems.bank_book import BookedMovement
from examples.fake_systems.server import FakeSystems, serving

EXPECTED_CALLS: Mapping[str, list[str]] = {OK: ["authorise", "capture"], REFUSED: ["authorise", "capture", "void"]}
"""The calls of a change in one go, by its card, whether it is ours or on DBOS."""


@dataclass
class CountedBank(Bank):
    """A bank that lists the calls it gets."""

    calls: list[str] = field(default_factory=list)

    def authorise(self, key: str, minor: int, currency: str, token: str) -> str:
        """List the call, then authorise."""
        self.calls.append("authorise")
        return super().authorise(key, minor, currency, token)

    def void(self, key: str) -> None:
        """List the call, then void."""
        self.calls.append("void")
        super().void(key)

    def capture(self, key: str, reference: str, minor: int, currency: str) -> str:
        """List the call, then capture."""
        self.calls.append("capture")
        return super().capture(key, reference, minor, currency)

    def find(self, key: str) -> FoundKey:
        """List the call, then find."""
        self.calls.append("find")
        return super().find(key)

    def movements(self, after: int = 0, payment: str | None = None, limit: int = -1) -> list[BookedMovement]:
        """List the call, then return the movements."""
        self.calls.append("movements")
        return super().movements(after, payment, limit)


@contextmanager
def serve_bank(bank: Bank) -> Iterator[str]:
    """Serve a bank; yield its URL."""
    with serving(FakeSystems(bank=bank)) as address:
        yield address
