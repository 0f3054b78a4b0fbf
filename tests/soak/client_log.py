"""What the clients sent and were told, in their own book: the store is judged by it."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ENDED = ("done", "refused", "undone")
CREATED, ACCEPTED = 201, 202


@dataclass(frozen=True)
class ObservedAnswer:
    """One answer."""

    key: str
    sent: float
    answered_at: float
    status: int
    code: str | None
    change: str | None
    state: str | None
    """How the change ended or stands, as far as the answer says."""
    content: Any = None
    """The answer itself, where it must be the same for ever."""
    replayed: bool = False
    from_change_page: bool = False
    """Read from the change's own page, asking nothing."""

    @property
    def ended(self) -> bool:
        """Whether it tells an outcome."""
        return self.change is not None and self.state in ENDED


@dataclass(frozen=True)
class Violation:
    """Something that must never be."""

    rule: str
    what: str
    order: str | None = None


@dataclass
class ClientLog:
    """Everything sent and told, on one clock that begins with the traffic."""

    answers: list[ObservedAnswer] = field(default_factory=list)
    first_sent: dict[str, float] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    orders: set[str] = field(default_factory=set)
    """Acknowledged as made."""
    unanswered: int = 0
    """Connections that ended without an answer."""
    sent_twice: int = 0
    operated: Counter[str] = field(default_factory=Counter)
    """Cancels and terminations by an operator that met a run."""
    started: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        """Return the seconds since the beginning."""
        return time.monotonic() - self.started

    def record_sent(self, key: str, kind: str) -> None:
        """Note that a request is sent for the first time."""
        self.first_sent.setdefault(key, self.now())
        self.kinds.setdefault(key, kind)

    def record_answer(self, telling: ObservedAnswer) -> None:
        """Note an answer."""
        self.answers.append(telling)

    @property
    def acknowledged(self) -> dict[str, list[ObservedAnswer]]:
        """Return every change that clients were told of, with all that they were told."""
        found: dict[str, list[ObservedAnswer]] = defaultdict(list)
        for each in self.answers:
            if each.change:
                found[each.change].append(each)
        return found

    def contradictions(self) -> Iterator[Violation]:
        """Yield every outcome told in two ways, and every duplicate answered otherwise."""
        for change, tellings in self.acknowledged.items():
            states = {each.state for each in tellings if each.ended}
            codes = {each.code for each in tellings if each.ended and each.code}
            if len(states) > 1 or len(codes) > 1:
                ends = [(each.answered_at, each.status, each.state, each.code) for each in tellings]
                yield Violation("an outcome once told never changes", f"change {change}: {ends}")
        by_key: dict[str, list[ObservedAnswer]] = defaultdict(list)
        for each in self.answers:
            # 202 says that it was taken on, in words of its own.
            if each.content is not None and each.status != ACCEPTED and (each.ended or each.status == CREATED):
                by_key[each.key].append(each)
        for key, tellings in by_key.items():
            if any(each.content != tellings[0].content for each in tellings):
                said = [(each.status, each.content) for each in tellings]
                yield Violation("the same key has the same answer", f"key {key}: {said}")

    def outcomes(self) -> dict[str, float]:
        """Return when each request's outcome was first told, by key."""
        found: dict[str, float] = {}
        for each in self.answers:
            if each.ended:
                found[each.key] = min(each.answered_at, found.get(each.key, each.answered_at))
        return found

    def next_success(self, after: float) -> float | None:
        """Return when a change was first told done that was sent after a time and had no outcome by then."""
        told = (
            each.answered_at
            for each in self.answers
            if each.state == "done" and each.sent >= after and not each.replayed and not each.from_change_page
        )
        return min(told, default=None)

    def seconds_in_progress(self, at: float) -> list[float]:
        """Return how long after a time the requests under way then had their outcome."""
        ended = self.outcomes()
        return sorted(
            ended[key] - at for key, sent in self.first_sent.items() if key in ended and sent < at < ended[key]
        )
