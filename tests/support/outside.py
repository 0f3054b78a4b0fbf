"""Providers in another system, as fakes that keep the protocol's promises: keyed, with tombstones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from domain.money import Money
from domain.settlement import Move
from providers.errors import PaymentDeclinedError
from providers.protocols import PaymentProvider


@dataclass
class OutsideBank:
    """A bank elsewhere: what it did is not undone by our transactions."""

    outside: bool = True
    aside: dict[str, Money] = field(default_factory=dict)
    void_keys: set[str] = field(default_factory=set)
    settled: dict[str, list[Move]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    before_answer: Callable[[str], None] = lambda _what: None

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> str:
        self.calls.append(f"authorise {key}")
        if token == "tok_decline" or key in self.void_keys:  # noqa: S105 - a test token
            raise PaymentDeclinedError
        self.aside[key] = amount
        self.before_answer(f"authorise {key}")
        return f"elsewhere:{key}"

    def void(self, tenant: str, key: str) -> None:
        self.calls.append(f"void {key}")
        self.void_keys.add(key)
        self.aside.pop(key, None)

    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        self.calls.append(f"settle {key}")
        self.settled.setdefault(key, list(moves))
        self.before_answer(f"settle {key}")


def as_provider(bank: OutsideBank) -> PaymentProvider:
    """Return the bank as what it is to us; mypy checks that it keeps the protocol."""
    return bank
