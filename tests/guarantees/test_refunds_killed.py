"""kill -9 of the worker before and after each move of a settlement at an external bank: each is made once."""

import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import col, select

from cli.processes import Child
from examples.fake_systems.bank import DONE, REFUSE_CAPTURE, Bank
from examples.fake_systems.server import FakeSystems, serving
from examples.providers.bank_payments import BankPayments, BankSettings
from store.tables import PaymentRow
from tests.guarantees.test_refused_refunds import entries, events_of, money, owing
from tests.support.final_checks import check_invariants
from tests.support.installation import prepare_database, running_world
from tests.support.postgres import new_database
from tests.support.refunds_owed import REFUSES, cancel, paid_with
from tests.support.world import CARD, Answer, Json, World, wait_for_worker

pytestmark = pytest.mark.faults

BEFORE, AFTER = "before", "after"
"""Before the bank does what it is asked for, and after it has done or refused it, before its answer is sent."""
NO_CAPTURE = {"method": "card", "token": REFUSE_CAPTURE}


class KillingBank(Bank):
    """A bank that kills the worker at one move of a settlement, before the worker has its answer."""

    def __init__(self) -> None:
        super().__init__()
        self.when: tuple[str, str] | None = None
        """Before or after which move, by its kind and the end of its key."""
        self.killed = threading.Event()
        self.child: Child | None = None

    def capture(self, key: str, reference: str, minor: int, currency: str) -> str:
        return self._move(f"capture {_end(key)}", partial(super().capture, key, reference, minor, currency))

    def refund(self, key: str, capture: str, minor: int, currency: str) -> str:
        return self._move(f"refund {_end(key)}", partial(super().refund, key, capture, minor, currency))

    def _move(self, move: str, act: Callable[[], str]) -> str:
        if self.when == (BEFORE, move):
            self._kill()
            return DONE
        try:
            return act()
        finally:
            if self.when == (AFTER, move):
                self._kill()

    def _kill(self) -> None:
        self.when = None
        assert self.child
        self.child.kill()
        self.killed.set()
        self.child.start()


def _end(key: str) -> str:
    return key.partition("/settle_price_difference/")[2]


@dataclass
class Killable:
    """An installation whose worker is a process, and the bank that kills it."""

    world: World
    bank: KillingBank


@pytest.fixture(scope="module")
async def installation(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Killable]:
    folder: Path = tmp_path_factory.mktemp("refunds-killed")
    url = f"sqlite:///{folder / 'killed.db'}"
    if database_kind == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"), "refunds_killed")
    prepare_database(url)
    bank, namespace = KillingBank(), f"refunds-killed-{database_kind}"
    with serving(FakeSystems(bank=bank)) as address:
        environment = {
            "CHANGEOVER_DATABASE": url,
            "CHANGEOVER_PAYMENTS": "examples.providers.bank_payments:BankPayments",
            "BANK_URL": address,
            "BANK_SECRET": "pretend",
            "TEMPORAL_ADDRESS": temporal,
            "TEMPORAL_NAMESPACE": namespace,
            "TEMPORAL_CONFIG_FILE": os.devnull,
        }
        command = [sys.executable, "-m", "cli", "worker"]
        bank.child = Child("worker", command, folder / "worker.log", environment)
        provider = BankPayments(BankSettings(url=address, secret=SecretStr("pretend")))
        async with running_world(url, temporal, namespace, provider, with_worker=False) as world:
            bank.child.start()
            await wait_for_worker(world)
            yield Killable(world, bank)
            bank.child.stop()
            check_invariants(world)
        provider.close()


def moments(*moves: str) -> pytest.MarkDecorator:
    """Return the moments before and after these moves; the databases alternate."""
    cases = [(when, move) for move in moves for when in (BEFORE, AFTER)]
    databases = ("sqlite", "postgres")
    marked = [pytest.param(*case, marks=pytest.mark.only_on(databases[n % 2])) for n, case in enumerate(cases)]
    return pytest.mark.parametrize(("when", "move"), marked)


@moments("refund 1", "refund 2", "refund 3")
async def test_a_worker_killed_between_refunds_makes_each_once_and_owes_the_rest(
    installation: Killable, when: str, move: str
) -> None:
    world, bank = installation.world, installation.bank
    order = await paid_with(world, CARD, REFUSES)
    bank.killed.clear()
    bank.when = (when, move)
    answer = await cancel(world, order, Prefer="wait=30")
    assert bank.killed.is_set()
    assert answer.status == 200, answer.body
    change = (await world.send("GET", f"/v1/changes/{answer.change}")).body
    assert [(each["code"], each["amount"]) for each in change["warnings"]] == [("REFUND_OWED", "50.00")]
    key = f"{answer.change}/settle_price_difference"
    done = {name: each.minor for name, each in bank.book.requests().items() if key in name and each.state == DONE}
    assert done == {f"{key}/2": 24900, f"{key}/3": 5000}
    refunded = [each.refunded for name, each in bank.accounts.items() if each.captured and name in _cards(world, order)]
    assert sorted(refunded) == [0, 29900]
    assert entries(world, order, "refund", "owe") == [("owe", 5000), ("refund", 5000), ("refund", 24900)]
    assert len(await events_of(world, order, "refund_declined")) == 1
    assert money(await world.show(order)) == ("50.00", "50.00", "0.00", "50.00")
    assert await owing(world, order) == [("50.00", "NOK")]


async def draft_with_a_payment(world: World) -> str:
    """Return an order with a draft of 100.00 more, of which one card has set 40.00 aside."""
    order, _ = await world.open_draft()
    assert (await world.pay(order, "40.00")).status == 200
    return order


async def confirm(world: World, order: str, card: Json) -> Answer:
    return await world.post(f"/v1/orders/{order}/confirm", {"payment": card}, Prefer="wait=30")


def draft_s_payments(world: World, bank: Bank, order: str) -> list[tuple[int, int]]:
    """Return what was captured and refunded of the draft's payments at the bank; our book agrees."""
    with world.components.store.read() as tx:
        query = select(PaymentRow).where(PaymentRow.order_number == order).order_by(col(PaymentRow.number))
        rows = tx.exec(query).all()[1:]
    found = [(bank.accounts[row.key].captured, bank.accounts[row.key].refunded) for row in rows]
    assert found == [(row.captured_minor, row.refunded_minor) for row in rows]
    return found


@moments("capture 1", "capture 2")
async def test_a_worker_killed_between_captures_makes_each_once(installation: Killable, when: str, move: str) -> None:
    world, bank = installation.world, installation.bank
    order = await draft_with_a_payment(world)
    bank.killed.clear()
    bank.when = (when, move)
    answer = await confirm(world, order, CARD)
    assert bank.killed.is_set()
    assert (answer.status, answer.body["state"]) == (200, "done")
    assert draft_s_payments(world, bank, order) == [(4000, 0), (6000, 0)]
    assert money(await world.show(order)) == ("399.00", "399.00", "0.00", "0.00")


@moments("capture 1", "capture 2", "refund 1/back")
async def test_a_worker_killed_on_the_way_forward_or_back_refunds_what_it_captured_once(
    installation: Killable, when: str, move: str
) -> None:
    world, bank = installation.world, installation.bank
    order = await draft_with_a_payment(world)
    bank.killed.clear()
    bank.when = (when, move)
    refused = await confirm(world, order, NO_CAPTURE)
    assert bank.killed.is_set()
    assert (refused.status, refused.code) == (402, "PAYMENT_REFUSED")
    assert draft_s_payments(world, bank, order) == [(4000, 4000), (0, 0)]
    assert (await confirm(world, order, CARD)).status == 200
    assert draft_s_payments(world, bank, order) == [(4000, 4000), (0, 0), (10000, 0)]


def _cards(world: World, order: str) -> set[str]:
    return {f"{row.id}/authorise_payment" for row in world.changes_of(order)}
