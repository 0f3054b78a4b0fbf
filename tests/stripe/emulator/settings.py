"""What a reset may set: amounts in minor units, durations in seconds."""

from dataclasses import dataclass, field, fields
from typing import Any, Self

DAY = 24 * 60 * 60

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts; the figures themselves are from memory.
MINIMUMS = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
    "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Settings of the emulated account or accounts, one for each API key."""

    keys: tuple[str, ...] = ("sk_test_changeover",)
    version: str = "2026-10-28.endive"
    """The API version of accounts; a request may name another."""
    minimums: dict[str, int] = field(default_factory=lambda: dict(MINIMUMS))
    """The least amount of a payment by currency; a currency without one takes 1."""
    maximum: int = 99_999_999
    search_lag: int = 60
    refund_delay: int = 60
    """How long until a refund of a card with delayed refunds succeeds or fails."""
    refunds_wait: bool = False
    """Whether the balance covers no refund: each is pending until control settles it."""
    key_memory: int = DAY
    event_memory: int = 30 * DAY
    rate_limit: int | None = None
    """Requests by second and account; None: no limit."""
    released_as_refund: bool = True
    """Whether a partial capture's release appears as a refund without metadata."""
    webhook_secret: str = "whsec_emulator"  # noqa: S105 - signs events of the emulator only
    webhook_url: str = ""

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """Return settings from JSON; KeyError for one that does not exist."""
        unknown = values.keys() - {each.name for each in fields(cls)}
        if unknown:
            raise KeyError(*unknown)
        return cls(**{**values, "keys": tuple(values.get("keys", cls.keys))})
