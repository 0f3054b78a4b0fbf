"""One account: its objects, events and search index, and what happens in it by itself as time passes."""

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.stripe.emulator.cards import CARDS, Card
from tests.stripe.emulator.errors import missing
from tests.stripe.emulator.settings import Settings

if TYPE_CHECKING:
    from tests.stripe.emulator.idempotency import Remembered

Object = dict[str, Any]
SEARCHABLE = ("payment_intent", "charge")
_NUMBERS = itertools.count(1)
"""Ids are never used again, not even after a reset."""


@dataclass
class Clock:
    """The time in seconds since 1970; it moves by control only."""

    now: int = 0


@dataclass
class Due:
    """Something that happens by itself."""

    at: int
    kind: str
    reference: str


@dataclass
class Book:
    """All that an account remembers; a copy of it is a backup."""

    objects: dict[str, Object] = field(default_factory=dict)
    cards: dict[str, str] = field(default_factory=dict)
    """The test card behind each payment method."""
    set_up: set[str] = field(default_factory=set)
    """Payment methods whose cardholder has agreed to payments off session."""
    index: list[tuple[int, Object]] = field(default_factory=list)
    """Versions of searchable objects, with the time of each."""
    keys: dict[str, "Remembered"] = field(default_factory=dict)
    due: list[Due] = field(default_factory=list)
    delivered: set[str] = field(default_factory=set)
    """Events that an endpoint has accepted."""


@dataclass
class Account:
    """An account of the emulator."""

    settings: Settings
    clock: Clock
    book: Book = field(default_factory=Book)
    request_id: str | None = None
    """The request that is running; None for what happens by itself."""
    idempotency_key: str | None = None
    requests_at: tuple[int, int] = (0, 0)
    """The latest second with requests, and their number."""
    backup: Book | None = None

    def create(self, kind: str, prefix: str, **members: Any) -> Object:
        """Return a new object that is kept."""
        reference = new_id(prefix)
        base = {"id": reference, "object": kind, "created": self.clock.now, "livemode": False}
        created = self.book.objects[reference] = base | members
        return created

    def find(self, kind: str, reference: str, param: str = "id", status: int = 404) -> Object:
        """Return an object, or raise `resource_missing`."""
        found = self.book.objects.get(reference)
        if found is None or found["object"] != kind:
            raise missing(kind, reference, param, status)
        return found

    def all(self, kind: str) -> Iterator[Object]:
        """Yield the objects of a kind, newest first."""
        return (each for each in reversed(list(self.book.objects.values())) if each["object"] == kind)

    def card(self, payment_method: str) -> Card:
        """Return how a payment method behaves."""
        return CARDS[self.book.cards[payment_method]]

    def emit(self, kind: str, about: Object, previous: Object | None = None) -> None:
        """Record an event about an object as it is now, and index that version for searches."""
        data = {"object": copy.deepcopy(about)}
        if previous is not None:
            data["previous_attributes"] = previous
        self.create(
            "event",
            "evt",
            type=kind,
            api_version=self.settings.version,
            data=data,
            pending_webhooks=1,
            request={"id": self.request_id, "idempotency_key": self.idempotency_key},
        )
        self.index(about)

    def index(self, changed: Object) -> None:
        """Let searches find an object as it is now, once the search's lag has passed."""
        if changed["object"] in SEARCHABLE:
            self.book.index.append((self.clock.now, copy.deepcopy(changed)))

    def happen_at(self, at: int, kind: str, reference: str) -> None:
        """Note what happens by itself later."""
        self.book.due.append(Due(at, kind, reference))

    def catch_up(self, acts: Mapping[str, Callable[["Account", str], None]]) -> None:
        """Do what was due by now, the oldest first, each at its own time."""
        now = self.clock.now
        self.request_id = self.idempotency_key = None
        while ripe := [each for each in self.book.due if each.at <= now]:
            first = min(ripe, key=lambda each: each.at)
            self.book.due.remove(first)
            self.clock.now = first.at
            acts[first.kind](self, first.reference)
        self.clock.now = now


def new_id(prefix: str) -> str:
    """Return a new id, such as `pi_3Emu000000000042`."""
    return f"{prefix}_3Emu{next(_NUMBERS):012d}"
