"""`check`, `doctor` and the desk compare our ledger with the book of an external payment provider."""

import asyncio
import json
import sqlite3
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from activities.reconciliation import ReconciliationActivities
from activities.support import book_rounds
from api.desk import payment_book as desk_book
from cli import demo_bank, doctor
from cli.doctor.findings import Finding, Verdict
from cli.doctor.target import Target
from cli.instance_lock import Instance
from domain.moves import MoveState
from domain.settlement import MoveKind
from examples.fake_systems.bank import PENDING_REFUND, Bank
from examples.fake_systems.server import FakeSystems, serving
from examples.providers.bank_payments import BankPayments, BankSettings
from providers.payment_comparison import Difference, compare_books
from providers.protocols import PaymentProvider
from runtime.settings import Settings
from store.orders import moves
from store.tables import ChangeRow
from telemetry.loopback import HOST, listening_socket
from tests.api.desk.visitor import Visitor, words_of
from tests.guarantees.test_recovery import reconcile
from tests.support.canary import ADULT
from tests.support.commands import run
from tests.support.installation import prepare_database, running_world
from tests.support.postgres import new_database
from tests.support.refunds_owed import cancel
from tests.support.world import TENANT, World, add

PAUSE = timedelta(seconds=15)
"""Longer than two pages take on a busy machine."""


@dataclass(frozen=True)
class Installation:
    """An installation whose payments are at a bank."""

    world: World
    bank: Bank
    book: Path
    database: str
    address: str

    @property
    def environment(self) -> dict[str, str]:
        """The settings with which an operator's commands find it."""
        named = {"CHANGEOVER_DATABASE": self.database, "CHANGEOVER_PAYMENTS": demo_bank.PROVIDER}
        return named | {"BANK_URL": self.address, "BANK_SECRET": "pretend"}

    async def check(self) -> tuple[int, Any]:
        """Run `check`; return its exit code and the differences between the books."""
        done = await run_check(self.environment)
        found = json.loads(done.stdout)
        assert found["books"]["compared"] > 0, found
        return done.returncode, [(each["order"], each["what"]) for each in found["violations"]]

    async def examine(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Run the doctor's check of payments; return what is bad."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        found = await examined(Target.of(Path("/no-such-folder")))
        return [each.what for each in found if each.verdict is not Verdict.OK]


class Rounds:
    """Rounds of one worker that has compared nothing before."""

    def __init__(self, installation: Installation) -> None:
        parts = installation.world.components
        self._activities = ReconciliationActivities(parts.store, parts.inventory, parts.payments)

    async def run(self) -> list[str]:
        """Run the checks of one round; return what differs at the bank."""
        report = await asyncio.to_thread(self._activities.check_invariants)
        return [each for each in report.violations if each.startswith("books_agree")]


async def run_check(environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `check` in a process of its own, while worker and API go on in this one."""
    return await asyncio.to_thread(run, "check", "--json", environment=environment)


async def examined(target: Target) -> list[Finding]:
    """Run the doctor's check of payments, likewise."""
    return await asyncio.to_thread(lambda: list(doctor.payments.examine(target)))


@pytest.fixture(scope="module")
async def installation(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    folder = tmp_path_factory.mktemp("books")
    url, bank = f"sqlite:///{folder / 'ours.db'}", Bank(folder / demo_bank.BOOK)
    if database_kind == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"), "books")
    prepare_database(url)
    with serving(FakeSystems(bank=bank)) as address, closing(demo_bank.connect(address)) as provider:
        async with running_world(url, temporal, f"books-{database_kind}", provider) as world:
            yield Installation(world, bank, folder / demo_bank.BOOK, url, address)


@contextmanager
def restored(installation: Installation) -> Iterator[None]:
    """Restore the bank's movements after the block."""
    with closing(sqlite3.connect(installation.book)) as book:
        before = book.execute("SELECT * FROM movements").fetchall()
        try:
            yield
        finally:
            book.execute("DELETE FROM movements")
            book.executemany("INSERT INTO movements VALUES (?, ?, ?, ?, ?, ?)", before)
            book.commit()


def forget(installation: Installation, payment: str, *kinds: MoveKind) -> None:
    """Let the bank forget movements of a payment; without kinds all of them."""
    with closing(sqlite3.connect(installation.book)) as book:
        for kind in kinds or ("authorise", MoveKind.CAPTURE):
            assert book.execute("DELETE FROM movements WHERE payment = ? AND kind = ?", (payment, kind)).rowcount == 1
        book.commit()


async def see(world: World, path: str) -> str:
    """Return what an operator reads on a page of the desk."""
    return words_of(await Visitor(world.http).see(path))


def payment_of(installation: Installation, order: str) -> str:
    (key,) = [key for key in installation.bank.accounts if key[:36] in _changes(installation, order)]
    return key


def _changes(installation: Installation, order: str) -> set[str]:
    return {row.id for row in installation.world.changes_of(order)}


async def test_books_that_agree_are_found_to_agree(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    world = installation.world
    order = await world.sold(ADULT)
    assert (await world.upgrade(order, confirm=True, payment={"method": "card", "token": "tok_decline"})).status == 402
    await world.upgrade(order, confirm=True, payment={"method": "card", "token": "tok_ok"})
    assert await installation.check() == (0, [])
    assert await installation.examine(monkeypatch) == []
    page = await see(world, f"/desk/orders/{order}")
    assert page.count("provider 299.00 NOK 299.00 NOK 0.00 NOK captured") == 1
    assert "Records differ" not in page
    assert "external payment provider" not in await see(world, "/desk/attention")


async def test_a_movement_that_the_provider_does_not_have_is_reported_everywhere(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await installation.world.sold(ADULT)
    payment = payment_of(installation, order)
    with restored(installation):
        forget(installation, payment, MoveKind.CAPTURE)
        await _expect(
            installation,
            monkeypatch,
            order,
            f"payment {payment}: captured 299.00 NOK in our ledger, 0.00 NOK at the provider;"
            " open at the provider only",
            "provider 299.00 NOK 0.00 NOK 0.00 NOK authorised",
        )


async def test_a_movement_that_our_ledger_does_not_have_is_reported_everywhere(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await installation.world.sold(ADULT)
    payment = payment_of(installation, order)
    capture = installation.bank.find(payment).reference or ""
    with restored(installation):
        installation.bank.refund("by hand, at the bank", capture, 5000, "NOK")
        await _expect(
            installation,
            monkeypatch,
            order,
            f"payment {payment}: refunded 0.00 NOK in our ledger, 50.00 NOK at the provider",
            "provider 299.00 NOK 299.00 NOK 50.00 NOK captured",
        )


async def test_what_two_rounds_see_is_a_case_until_the_books_agree_again(installation: Installation) -> None:
    order, rounds = await installation.world.sold(ADULT), Rounds(installation)
    payment = payment_of(installation, order)
    with restored(installation):
        forget(installation, payment, MoveKind.CAPTURE)
        found = f"payment {payment}: captured 299.00 NOK in our ledger, 0.00 NOK at the provider"
        assert await rounds.run() == []
        for _ in range(2):
            assert await rounds.run() == [f"books_agree {order} {found}; open at the provider only"]
    assert await rounds.run() == []


async def test_a_book_that_cannot_be_read_in_time_is_left_to_the_next_round(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, rounds = await installation.world.sold(ADULT), Rounds(installation)
    with restored(installation):
        forget(installation, payment_of(installation, order), MoveKind.CAPTURE)
        assert await rounds.run() == []
        with monkeypatch.context() as patched:
            patched.setattr(book_rounds, "BOOK_TIMEOUT", -timedelta(seconds=1))
            assert await rounds.run() == []
        assert len(await rounds.run()) == 1


async def test_a_payment_that_only_the_provider_knows_is_reported(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await installation.world.sold(ADULT)
    (sale,) = [row.id for row in installation.world.changes_of(order) if row.kind == "change"]
    nobodys = f"{uuid.uuid4()}/authorise_payment"
    amounts = (
        "our ledger does not have it, the other book has authorised 7.00 NOK, captured 0.00 NOK, refunded 0.00 NOK"
    )
    with restored(installation):
        for key in (f"{sale}/again", nobodys):
            installation.bank.authorise(key, 700, "NOK", "tok_ok")
        installation.bank.void(f"{uuid.uuid4()}/authorise_payment")
        found = [(order, f"payment {sale}/again: {amounts}"), (None, f"payment {nobodys}: {amounts}")]
        assert await installation.check() == (1, found)
        assert len(await installation.examine(monkeypatch)) == 2


async def test_a_payment_that_only_our_ledger_knows_is_reported(installation: Installation) -> None:
    order = await installation.world.sold(ADULT)
    payment = payment_of(installation, order)
    amounts = "authorised 299.00 NOK, captured 299.00 NOK, refunded 0.00 NOK"
    what = f"payment {payment}: the provider does not have it, the other book has {amounts}"
    with restored(installation):
        forget(installation, payment)
        assert await installation.check() == (1, [(order, what)])
        assert "provider no record" in await see(installation.world, f"/desk/orders/{order}")


async def _expect(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, order: str, sentence: str, row: str
) -> None:
    """Expect one difference, at `check`, `doctor` and on the two pages of the desk."""
    assert await installation.check() == (1, [(order, sentence)])
    assert await installation.examine(monkeypatch) == [f"order {order}: {sentence}"]
    page = await see(installation.world, f"/desk/orders/{order}")
    assert "Records differ" in page
    assert row in page
    attention = await see(installation.world, "/desk/attention")
    assert f"matches the external payment provider's own book. {order} {sentence}" in attention


async def test_a_payment_whose_request_is_running_is_not_compared(installation: Installation) -> None:
    world = installation.world
    order = await world.sold(ADULT)
    bank, store = _bank_of(world), world.components.store
    with restored(installation):
        forget(installation, payment_of(installation, order), MoveKind.CAPTURE)
        assert len((await asyncio.to_thread(compare_books, store, bank, [TENANT])).differences) == 1
        with _running(world, order):
            assert (await asyncio.to_thread(compare_books, store, bank, [TENANT])).differences == ()


async def test_a_payment_of_which_a_refund_is_pending_is_not_compared(installation: Installation) -> None:
    """It counts as refunded by us, and the bank has it in its book once it is paid."""
    world, store = installation.world, installation.world.components.store
    order = await world.order()
    bundle, card = (
        await world.offer("standard", ADULT, service=world.train()),
        {"method": "card", "token": PENDING_REFUND},
    )
    assert (await world.change(order, add(bundle, ADULT), confirm=True, payment=card)).status == 200
    cancelled = await cancel(world, order)
    assert cancelled.status == 200
    await world.wait_for_end(order)

    async def find_differences() -> Sequence[Difference]:
        return (await asyncio.to_thread(compare_books, store, _bank_of(world), [TENANT])).differences

    assert await find_differences() == ()
    key = f"{cancelled.change}/settle_price_difference/1"
    installation.bank.end_refund(key, paid=True)
    assert await find_differences() == ()
    await reconcile(world)
    assert await find_differences() == ()
    with store.read() as tx:
        assert moves.of_key(tx, key).state == MoveState.DONE


@contextmanager
def _running(world: World, order: str) -> Iterator[None]:
    """Let the order's sale be without an outcome for the length of the block."""
    (sale,) = [row for row in world.changes_of(order) if row.kind == "change"]

    def write(outcome: str | None, finished_at: datetime | None) -> None:
        with world.components.store.write() as tx:
            row = tx.get_one(ChangeRow, sale.id)
            row.outcome, row.finished_at = outcome, finished_at

    write(None, None)
    yield
    write(sale.outcome, sale.finished_at)


def _bank_of(world: World) -> BankPayments:
    assert isinstance(world.components.payments, BankPayments)
    return world.components.payments


async def test_a_provider_that_does_not_answer_is_said_and_is_no_agreement(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await installation.world.sold(ADULT)
    gone = installation.environment | {"BANK_URL": "http://127.0.0.1:9"}
    done = await run_check(gone)
    assert done.returncode == 2
    assert "does not answer" in json.loads(done.stdout)["books"]["reason"]
    with monkeypatch.context() as patch:
        for name, value in gone.items():
            patch.setenv(name, value)
        (finding,) = await examined(Target.of(Path("/no-such-folder")))
    assert (finding.verdict, "does not answer" in finding.what) == (Verdict.BAD, True)
    with closing(demo_bank.connect("http://127.0.0.1:9")) as silent:
        async with installation.world.with_api(payments=silent) as other:
            page = await see(other, f"/desk/orders/{order}")
            assert "did not answer, so its book is not shown" in page
            assert "Records differ" not in page
            attention = await see(other, "/desk/attention")
    assert "book could not be read in time" in attention
    assert "Nothing needs attention" not in attention


async def test_a_page_of_the_desk_does_not_wait_for_a_provider_that_is_silent(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await installation.world.sold(ADULT)
    monkeypatch.setattr(desk_book, "BOOK_TIMEOUT", timedelta(milliseconds=200))
    with listening_socket() as silent:
        silent.listen()
        settings = BankSettings(url=f"http://{HOST}:{silent.getsockname()[1]}", secret=SecretStr("s"), timeout=PAUSE)
        with closing(BankPayments(settings)) as provider:
            async with installation.world.with_api(payments=provider) as other:
                started = time.monotonic()
                page = await see(other, f"/desk/orders/{order}")
                attention = await see(other, "/desk/attention")
                assert timedelta(seconds=time.monotonic() - started) < PAUSE
    assert "did not answer, so its book is not shown" in page
    assert "book could not be read in time" in attention


class UnlistedPayments:
    """A provider without a list of its movements."""

    external = True

    def __init__(self) -> None:
        listing = demo_bank.connect("http://127.0.0.1:9")
        self.authorise, self.void, self.capture = listing.authorise, listing.void, listing.capture
        self.refund, self.find, self.close = listing.refund, listing.find, listing.close


async def test_a_provider_that_does_not_list_its_movements_is_not_compared(installation: Installation) -> None:
    unlisted: PaymentProvider = UnlistedPayments()
    order = await installation.world.sold(ADULT)
    named = installation.environment | {"CHANGEOVER_PAYMENTS": f"{__name__}:UnlistedPayments"}
    done = await run_check(named)
    assert (done.returncode, json.loads(done.stdout)["books"]["compared"]) == (0, None)
    assert "does not list its movements" in json.loads(done.stdout)["books"]["reason"]
    async with installation.world.with_api(payments=unlisted) as other:
        page = await see(other, f"/desk/orders/{order}")
    assert "its records are not in this database" in page


@pytest.mark.only_on("sqlite")
def test_the_demo_bank_of_a_running_up_is_compared_and_that_of_a_stopped_one_is_named(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "changeover.db").symlink_to(installation.database.removeprefix("sqlite:///"))
    (tmp_path / demo_bank.BOOK).touch()
    up = Instance(1, "", "", "", installation.address)
    (agreed,) = doctor.payments.examine(Target(Settings(), tmp_path, up))
    assert "agrees with our ledger" in agreed.what
    (note,) = doctor.payments.examine(Target(Settings(), tmp_path, None))
    assert (note.verdict, "is not running" in note.what) == (Verdict.NOTE, True)
