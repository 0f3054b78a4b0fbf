"""The fake bank of examples/fake_systems, which records its calls, and the example provider in front of it."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr

from examples.fake_systems.bank import Bank, FoundKey
from examples.fake_systems.bank_events import SECRET
from examples.fake_systems.server import FakeSystems, serving
from examples.providers.bank_events import BankEventSettings, NotifyingBankPayments
from examples.providers.bank_payments import BankPayments


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

    def capture(self, key: str, reference: str, minor: int, currency: str) -> str:
        """Capture, then call the test's hook before answering."""
        self.calls.append(f"capture {key}")
        captured = super().capture(key, reference, minor, currency)
        self.before_answer(f"capture {key}")
        return captured

    def refund(self, key: str, capture: str, minor: int, currency: str) -> str:
        """Refund, then call the test's hook before answering."""
        self.calls.append(f"refund {key}")
        state = super().refund(key, capture, minor, currency)
        self.before_answer(f"refund {key}")
        return state

    def find(self, key: str) -> FoundKey:
        """Find, then call the test's hook before answering."""
        self.calls.append(f"find {key}")
        found = super().find(key)
        self.before_answer(f"find {key}")
        return found


@contextmanager
def provider_for(bank: Bank) -> Iterator[BankPayments]:
    """Serve a bank over HTTP and yield the provider that is connected to it."""
    with serving(FakeSystems(bank=bank)) as address:
        secret = SecretStr("not much of one")
        settings = BankEventSettings(url=address, secret=secret, event_secrets=(SecretStr(SECRET),))
        with closing(NotifyingBankPayments(settings)) as provider:
            yield provider
