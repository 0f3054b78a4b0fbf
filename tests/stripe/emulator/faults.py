"""Faults on demand: what a request meets before or after it is done."""

import re
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self


class Trouble(StrEnum):
    """What goes wrong."""

    ERROR = "error"
    """500, saved under the request's key: before, nothing is done; after, all is."""
    UNAVAILABLE = "unavailable"
    """503 from a gateway, which the idempotency layer does not know."""
    CUT = "cut"
    """The connection is closed without an answer."""
    PAGE = "page"
    """200 with an HTML page."""
    HALF = "half"
    """200 with the first half of the answer; always after it is done."""
    EMPTY = "empty"
    """204 without a body."""
    REDIRECT = "redirect"
    """302 to a path that does not exist."""
    HUGE = "huge"
    """200 with 20 MB of blanks in front of the answer; always after it is done."""
    ALTERED = "altered"
    """200 with some members of the answer replaced; always after it is done."""
    HOLD = "hold"
    """The request waits until control releases it, then goes on as if nothing had been."""
    RATE_LIMIT = "rate_limit"
    """429, in front of the idempotency layer."""
    LOCK = "lock"
    """429 `lock_timeout`: another request holds the object. Nothing is done or saved."""


@dataclass
class Fault:
    """A fault for the requests that match, after some that it lets pass."""

    trouble: Trouble
    after: bool = False
    """Whether the request is done before it fails."""
    method: str = "POST"
    """A pattern of the method: `GET|POST` is both."""
    path: str = "/v1/.*"
    """A pattern of the whole path."""
    skip: int = 0
    times: int = 1
    members: dict[str, Any] = field(default_factory=dict)
    """What an `altered` answer says instead."""
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.after = self.after or self.trouble in (Trouble.ALTERED, Trouble.HALF, Trouble.HUGE)

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """Return a fault from JSON."""
        return cls(**{**values, "trouble": Trouble(values["trouble"])})

    def meets(self, method: str, path: str) -> bool:
        """Whether the fault is for this request; each answer counts."""
        if not self.times or not re.fullmatch(self.method, method) or not re.fullmatch(self.path, path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True
