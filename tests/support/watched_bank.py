"""The pretend bank of examples/fake_systems, watched, with our example provider in front of it."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr

from domain.settlement import Move
from examples.fake_systems.bank import Bank
from examples.fake_systems.server import Outside, serving
from examples.providers.bank_payments import BankPayments, BankSettings


@dataclass
class WatchedBank(Bank):
    """A bank elsewhere: what it did is not undone by our transactions."""

    before_answer: Callable[[str], None] = lambda _what: None
    calls: list[str] = field(default_factory=list)

    def authorise(self, key: str, minor: int, currency: str, token: str) -> str:
        """Set money aside, and let somebody interfere."""
        self.calls.append(f"authorise {key}")
        reference = super().authorise(key, minor, currency, token)
        self.before_answer(f"authorise {key}")
        return reference

    def settle(self, key: str, moves: list[Move]) -> None:
        """Make moves, and let somebody interfere."""
        self.calls.append(f"settle {key}")
        super().settle(key, moves)
        self.before_answer(f"settle {key}")


@contextmanager
def provider_for(bank: Bank) -> Iterator[BankPayments]:
    """Serve a bank over HTTP and yield the provider that speaks to it."""
    with serving(Outside(bank=bank)) as address:
        settings = BankSettings(url=address, secret=SecretStr("not much of one"))
        with closing(BankPayments(settings)) as provider:
            yield provider
