"""An inventory that does what is requested and answers what a test says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from providers.embedded.inventory import EmbeddedInventory
from providers.protocols import ActState, FoundHold, Held, HeldSeat, HoldRequest
from store.database.store import Store

Lie = Callable[[list[Held]], list[Held]]


class LyingInventory(EmbeddedInventory):
    """The embedded inventory, inside or as if it were outside of our database, with a test's answers."""

    def __init__(self, store: Store, *, external: bool = True) -> None:
        super().__init__(store)
        self.external = external
        self.be_honest()

    def be_honest(self) -> None:
        """Answer what was done."""
        self.lie: Lie = list
        self.before_hold: Callable[[], object] = lambda: None
        self.before_release: Callable[[], object] = lambda: None
        self.after_confirm: Callable[[], object] = lambda: None
        self.end: Callable[[datetime], datetime | None] = lambda _until: None
        self.found: FoundHold | None = None
        self.slow, self.released = False, ActState.DONE
        self.keys: list[str] = []

    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        """Hold, and answer what the test says."""
        self.keys.append(key)
        self.before_hold()
        return self.lie(super().hold(tenant, key, requests, until))

    def find(self, tenant: str, key: str) -> FoundHold:
        """Answer what is known of a key, or what the test says."""
        return self.found or super().find(tenant, key)

    def release(self, tenant: str, key: str) -> ActState:
        """Release a key."""
        self.before_release()
        if self.slow:
            return ActState.PENDING
        super().release(tenant, key)
        return self.released

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> datetime | None:
        """Extend, and answer the end that the test says."""
        super().extend(tenant, references, until)
        return self.end(until)

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> ActState:
        """Sell, then do what the test says."""
        state = super().confirm(tenant, key, taken, given_up)
        self.after_confirm()
        return state


@dataclass(frozen=True)
class Changed:
    """The lie that changes members of the first seat."""

    members: dict[str, Any]

    def __call__(self, held: list[Held]) -> list[Held]:
        """Return the answer with these members."""
        return [replace(held[0], **self.members), *held[1:]]


def seat_twice(held: list[Held]) -> list[Held]:
    """Answer the first seat for the second, too."""
    first, second, *others = held
    assert isinstance(first, HeldSeat)
    return [first, replace(first, reference=second.reference), *others]


LIES: dict[str, Lie] = {
    "another service": Changed({"service": "9999-2030-01-01"}),
    "no seat": lambda _held: [],
    "a negative seat": Changed({"seat": -5}),
    "a seat as text": Changed({"seat": "7"}),
    "a hold that has ended": Changed({"until": datetime.fromisoformat("2020-01-01T00:00:00Z")}),
    "a reference that is too long": Changed({"reference": "x" * 101}),
}
"""Answers for one seat on a service that are not what was requested."""
