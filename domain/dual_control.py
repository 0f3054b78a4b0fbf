"""What people do by hand: who did it and why, and from which amount on it takes two of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from domain.currencies import EXPONENTS
from domain.model import WRITTEN, clean_text
from domain.money import Money

MAX_REASON = 200
AGREED_WITHIN = timedelta(hours=1)
"""How long what one person said waits for a second one."""
TEMPORAL = "temporal"
"""Who sent an update in Temporal itself, where nobody is known to us."""
LOCAL = "local"
"""Who asked an API that asks nobody who they are."""
ANONYMOUS = frozenset({TEMPORAL, LOCAL})
"""Who is no person of ours, and no client's name."""


def clean_reason(text: str) -> str:
    """Return a reason as it is recorded; ValueError for none, a long one, and control characters."""
    reason = clean_text(text)
    if len(reason) > MAX_REASON:
        raise ValueError(f"must have at most {MAX_REASON} characters")
    return reason


Reason = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=MAX_REASON, json_schema_extra={"pattern": WRITTEN}),
    AfterValidator(clean_reason),
]
"""Why somebody did something by hand. Kept for ever: no names."""


@dataclass(frozen=True)
class DualControlPolicy:
    """Up to how much one person may settle by hand alone. Without a rule, everything."""

    asked: bool = False
    """Whether people are asked who they are: otherwise one cannot be told from another, and there is no rule."""
    up_to: Mapping[str, int] = field(default_factory=dict)
    """In minor units by currency; of a currency that is not here nothing."""

    def may_act_alone(self, amount: Money, who: str) -> bool:
        """Whether one person is enough. Who is known proves that people are asked, whatever this process was told."""
        asked = self.asked or who not in ANONYMOUS
        return not asked or amount.minor <= self.up_to.get(amount.currency, 0)


def others(people: Iterable[str], who: str) -> list[str]:
    """Return the people who are known, in their order, but one."""
    return [each for each in people if each not in ANONYMOUS | {who}]


def checked_limits(limits: Mapping[str, int]) -> Mapping[str, int]:
    """Return limits by currency; ValueError for a currency there is not and for less than nothing."""
    if not set(limits) <= set(EXPONENTS) or any(each < 0 for each in limits.values()):
        raise ValueError('minor units by currency, such as {"NOK": 100000}')
    return limits
