"""The clients' log of what they sent and which answers they got: the store is compared with it."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ENDED = ("done", "refused", "undone")
CREATED, ACCEPTED = 201, 202


@dataclass(frozen=True)
class ObservedAnswer:
    """One answer that a client got. Times are seconds since the traffic began."""

    key: str
    sent: float
    answered_at: float
    status: int
    code: str | None
    change: str | None
    state: str | None
    """The state of the change, if the answer contains it."""
    content: Any = None
    """The part of the answer that must never change; None if every part may."""
    replayed: bool = False
    from_change_page: bool = False
    """Whether it was read from the change's own route instead of answering the request."""

    @property
    def ended(self) -> bool:
        """Whether the answer contains an outcome."""
        return self.change is not None and self.state in ENDED


@dataclass(frozen=True)
class Violation:
    """A rule that was broken, and how."""

    rule: str
    what: str
    order: str | None = None


@dataclass
class ClientLog:
    """Every request sent and every answer, on one clock that starts with the traffic."""

    answers: list[ObservedAnswer] = field(default_factory=list)
    first_sent: dict[str, float] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    orders: set[str] = field(default_factory=set)
    """Orders that the API acknowledged as created."""
    unanswered: int = 0
    """Connections that ended without an answer."""
    sent_twice: int = 0
    operated: Counter[str] = field(default_factory=Counter)
    """Cancellations and terminations by an operator that reached a run."""
    started: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started

    def record_sent(self, key: str, kind: str) -> None:
        """Record when a request is sent for the first time."""
        self.first_sent.setdefault(key, self.now())
        self.kinds.setdefault(key, kind)

    def record_answer(self, answer: ObservedAnswer) -> None:
        """Record an answer."""
        self.answers.append(answer)

    @property
    def acknowledged(self) -> dict[str, list[ObservedAnswer]]:
        """Return every change that the API acknowledged, with all answers about it."""
        by_change: dict[str, list[ObservedAnswer]] = defaultdict(list)
        for each in self.answers:
            if each.change:
                by_change[each.change].append(each)
        return by_change

    def contradictions(self) -> Iterator[Violation]:
        """Yield every change with two different outcomes, and every key with two different answers."""
        for change, answers in self.acknowledged.items():
            states = {each.state for each in answers if each.ended}
            codes = {each.code for each in answers if each.ended and each.code}
            if len(states) > 1 or len(codes) > 1:
                ends = [(each.answered_at, each.status, each.state, each.code) for each in answers]
                yield Violation("an outcome never changes", f"change {change}: {ends}")
        by_key: dict[str, list[ObservedAnswer]] = defaultdict(list)
        for each in self.answers:
            # A 202 only says that the request was accepted: its content differs from that of the outcome.
            if each.content is not None and each.status != ACCEPTED and (each.ended or each.status == CREATED):
                by_key[each.key].append(each)
        for key, answers in by_key.items():
            if any(each.content != answers[0].content for each in answers):
                contents = [(each.status, each.content) for each in answers]
                yield Violation("the same key has the same answer", f"key {key}: {contents}")

    def outcomes(self) -> dict[str, float]:
        """Return when each request's outcome was first answered, by key."""
        first: dict[str, float] = {}
        for each in self.answers:
            if each.ended:
                first[each.key] = min(each.answered_at, first.get(each.key, each.answered_at))
        return first

    def next_success(self, after: float) -> float | None:
        """Return when the first change sent after a time was answered as done; replayed answers do not count."""
        done = (
            each.answered_at
            for each in self.answers
            if each.state == "done" and each.sent >= after and not each.replayed and not each.from_change_page
        )
        return min(done, default=None)

    def seconds_in_progress(self, at: float) -> list[float]:
        """Return how many seconds after a time the requests in progress at that time had their outcomes."""
        ended = self.outcomes()
        return sorted(
            ended[key] - at for key, sent in self.first_sent.items() if key in ended and sent < at < ended[key]
        )
