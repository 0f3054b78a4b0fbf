"""The fake bank of examples/fake_systems, which records its calls, and the example provider in front of it."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr

from domain.settlement import Move
from examples.fake_systems.bank import Bank
from examples.fake_systems.server import FakeSystems, serving
from examples.providers.bank_payments import BankPayments, BankSettings


@dataclass
class WatchedBank(Bank):
    """An external bank: a rollback of our transactions does not undo its payments."""

    before_answer: Callable[[str], None] = lambda _what: None
    calls: list[str] = field(default_factory=list)

    def authorise(self, key: str, minor: int, currency: str, token: str) -> str:
        """Authorise a payment, then call the test's hook before answering."""
        self.calls.append(f"authorise {key}")
        reference = super().authorise(key, minor, currency, token)
        self.before_answer(f"authorise {key}")
        return reference

    def settle(self, key: str, moves: list[Move]) -> None:
        """Settle, then call the test's hook before answering."""
        self.calls.append(f"settle {key}")
        super().settle(key, moves)
        self.before_answer(f"settle {key}")


@contextmanager
def provider_for(bank: Bank) -> Iterator[BankPayments]:
    """Serve a bank over HTTP and yield the provider that is connected to it."""
    with serving(FakeSystems(bank=bank)) as address:
        settings = BankSettings(url=address, secret=SecretStr("not much of one"))
        with closing(BankPayments(settings)) as provider:
            yield provider
