"""The demo bank keeps its book in a file: what it has answered it still knows, however it ended."""

import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from cli import demo_bank
from cli.demo_bank import DemoBank
from domain.money import Money
from examples.fake_systems.bank import REFUSE_REFUND, Bank, FoundKey
from examples.fake_systems.bank_server import PAGE_SIZE
from examples.fake_systems.server import FakeSystems, serving
from examples.providers.bank_payments import BankPayments
from providers.contracts import ExternalPaymentsContract, MovementsContract, PaymentsUnderTest
from providers.errors import PaymentDeclinedError, RefundDeclinedError
from providers.protocols import MovementKind, RefundState
from telemetry.loopback import HOST
from tests.support.external_systems import external_payments

TENANT = "default"


class ForgetfulBank(Bank):
    """A bank that knows nothing but its book: each request is served by one that has just opened it."""

    def authorise(self, key: str, minor: int, currency: str, token: str) -> str:
        return Bank(self.path).authorise(key, minor, currency, token)

    def void(self, key: str) -> None:
        Bank(self.path).void(key)

    def capture(self, key: str, reference: str, minor: int, currency: str) -> str:
        return Bank(self.path).capture(key, reference, minor, currency)

    def refund(self, key: str, capture: str, minor: int, currency: str) -> str:
        return Bank(self.path).refund(key, capture, minor, currency)

    def find(self, key: str) -> FoundKey:
        return Bank(self.path).find(key)


@pytest.fixture(scope="module")
def payments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaymentsUnderTest]:
    book = tmp_path_factory.mktemp("bank") / demo_bank.BOOK
    with external_payments(ForgetfulBank(book)) as under_test:
        yield under_test


class TestBankThatKnowsOnlyItsBook(ExternalPaymentsContract, MovementsContract):
    pass


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[DemoBank]:
    bank = DemoBank(tmp_path, tmp_path / "bank.log")
    bank.start()
    yield bank
    bank.process.stop()
    bank.close()


@pytest.fixture
def provider(bank: DemoBank) -> Iterator[BankPayments]:
    with closing(demo_bank.connect(bank.address)) as connected:
        yield connected


def kill(bank: DemoBank) -> None:
    """Kill the bank's process, and start it anew as `up` does."""
    bank.process.kill()
    bank.process.start()


def authorise(provider: BankPayments, key: str, card: str = "tok_ok") -> str:
    return provider.authorise(TENANT, key, Money(100, "NOK"), "card", card).reference


def test_a_bank_killed_between_two_requests_still_knows_what_it_answered(
    bank: DemoBank, provider: BankPayments
) -> None:
    good, refuses, voided = (f"{uuid.uuid4()}/authorise_payment" for _ in range(3))
    references = [authorise(provider, good), authorise(provider, refuses, card=REFUSE_REFUND)]
    kill(bank)
    assert references == [authorise(provider, good), authorise(provider, refuses)]
    amount, part = Money(100, "NOK"), Money(30, "NOK")
    captures = [provider.capture(TENANT, f"{key}/1", key, amount) for key in references]
    provider.refund(TENANT, "refund", captures[0], part)
    with pytest.raises(RefundDeclinedError):
        provider.refund(TENANT, "declined", captures[1], part)
    provider.void(TENANT, voided, None)
    kill(bank)
    assert captures == [provider.capture(TENANT, f"{key}/1", key, amount) for key in references]
    assert provider.refund(TENANT, "refund", captures[0], part) is RefundState.DONE
    with pytest.raises(RefundDeclinedError):
        provider.refund(TENANT, "declined", captures[1], part)
    assert provider.find(TENANT, "refund").amount == part
    with pytest.raises(PaymentDeclinedError):
        authorise(provider, voided)
    listed = [(each.kind, each.payment) for each in provider.movements(TENANT, None).movements]
    assert listed == [
        (MovementKind.AUTHORISE, good),
        (MovementKind.AUTHORISE, refuses),
        (MovementKind.CAPTURE, good),
        (MovementKind.CAPTURE, refuses),
        (MovementKind.REFUND, good),
        (MovementKind.VOID, voided),
    ]


def test_a_request_to_a_bank_that_is_being_restarted_waits_for_it(bank: DemoBank, provider: BankPayments) -> None:
    bank.process.kill()
    started = time.monotonic()
    bank.process.start()
    assert authorise(provider, "waits")
    assert time.monotonic() - started < 8


def test_it_is_reached_from_this_machine_only(bank: DemoBank) -> None:
    assert bank.address.startswith(f"http://{HOST}:")
    assert httpx2.get(bank.ready, timeout=10).json() == {"movements": [], "next": None}


def test_a_long_book_is_listed_page_by_page_from_the_first_movement(tmp_path: Path) -> None:
    book = Bank(tmp_path / demo_bank.BOOK)
    for number in range(PAGE_SIZE + 1):
        book.authorise(f"{number}", 1, "NOK", "tok_ok")
    with serving(FakeSystems(bank=book)) as address, closing(demo_bank.connect(address)) as provider:
        first = provider.movements(TENANT, None)
        last = provider.movements(TENANT, first.next)
    listed = [each.payment for each in (*first.movements, *last.movements)]
    assert (listed, last.next) == ([f"{number}" for number in range(PAGE_SIZE + 1)], None)


def test_what_it_answers_is_committed_so_that_another_reader_of_its_file_sees_it(tmp_path: Path) -> None:
    bank = Bank(tmp_path / demo_bank.BOOK)
    bank.authorise("key", 100, "NOK", "tok_ok")
    with closing(sqlite3.connect(tmp_path / demo_bank.BOOK)) as other:
        assert other.execute("SELECT kind, payment, minor FROM movements").fetchall() == [("authorise", "key", 100)]


def test_what_the_book_keeps_has_the_names_it_had(tmp_path: Path) -> None:
    Bank(tmp_path / "bank.db")
    with closing(sqlite3.connect(tmp_path / "bank.db")) as book:
        tables = [name for (name,) in book.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        columns = {table: [row[1] for row in book.execute(f"PRAGMA table_info({table})")] for table in tables}
    assert columns == {
        "cards": ["payment", "token", "expires_at"],
        "movements": ["number", "request", "kind", "payment", "minor", "currency"],
        "requests": ["request", "kind", "payment", "minor", "currency", "state"],
    }
    assert demo_bank.BOOK == "bank.db"
    assert [kind.value for kind in MovementKind] == ["authorise", "capture", "refund", "void"]
