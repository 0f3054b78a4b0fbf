"""Dual control: an operator's action by hand has an actor and a reason, and above a limit two people have to agree."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from domain.currencies import EXPONENTS
from domain.model import WRITTEN, clean_text
from domain.money import Money

MAX_REASON = 200
CONFIRMATION_WINDOW = timedelta(hours=1)
"""How long one operator's statement waits for a second operator to confirm it."""
TEMPORAL = "temporal"
"""The actor of an update sent in Temporal's Web UI or CLI, where we know no client."""
LOCAL = "local"
"""The actor of a request to an API without authentication."""
PROVIDER = "provider"
"""The actor of an event that an outside provider has sent."""
ANONYMOUS = frozenset({TEMPORAL, LOCAL, PROVIDER})
"""Actors that identify no person. No client may have one of these names."""


def clean_reason(text: str) -> str:
    """Return a reason as it is recorded; ValueError when it is empty, too long or has control characters."""
    reason = clean_text(text)
    if len(reason) > MAX_REASON:
        raise ValueError(f"must have at most {MAX_REASON} characters")
    return reason


Reason = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=MAX_REASON, json_schema_extra={"pattern": WRITTEN}),
    AfterValidator(clean_reason),
]
"""Why somebody sends a request, or an operator acts by hand. Only the reason of a request is blanked by an erasure."""


@dataclass(frozen=True)
class DualControlPolicy:
    """The amounts up to which one person may act alone. Without authentication there is no limit."""

    authentication_enabled: bool = False
    """Whether callers are authenticated. Without it people cannot be told apart, so no limit applies."""
    up_to: Mapping[str, int] = field(default_factory=dict)
    """Limits in minor units by currency; the limit of a currency not listed is zero."""

    def may_act_alone(self, amount: Money | None, actor: str) -> bool:
        """Whether one person may act alone: not when the amount is unknown.

        A known actor proves authentication, whatever this process is set to.
        """
        if not self.authentication_enabled and actor in ANONYMOUS:
            return True
        return amount is not None and amount.minor <= self.up_to.get(amount.currency, 0)


def others(people: Iterable[str], excluding: str) -> list[str]:
    """Return the known people except one, in the given order."""
    return [each for each in people if each not in ANONYMOUS | {excluding}]


def agreeing_people(actor: str, earlier: Iterable[str]) -> tuple[str, str] | None:
    """Return the two people who state the same: the actor, and the last of the others before. None without another.

    A statement by no known person counts as neither.
    """
    before = others(earlier, actor)
    return None if actor in ANONYMOUS or not before else (actor, before[0])


def check_limits(limits: Mapping[str, int]) -> Mapping[str, int]:
    """Return limits by currency; ValueError for an unknown currency or a negative amount."""
    if not set(limits) <= set(EXPONENTS) or any(each < 0 for each in limits.values()):
        raise ValueError('minor units by currency, such as {"NOK": 100000}')
    return limits
