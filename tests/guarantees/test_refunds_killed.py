"""kill -9 of the worker between the attempts at a refund that one card refuses: one settlement is made."""

import os
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from cli.processes import Child
from domain.settlement import Move
from examples.fake_systems.bank import Bank
from examples.fake_systems.server import FakeSystems, serving
from examples.providers.bank_payments import BankPayments, BankSettings
from tests.guarantees.test_refused_refunds import entries, events_of, money, owing
from tests.support.final_checks import check_invariants
from tests.support.installation import prepare_database, running_world
from tests.support.postgres import new_database
from tests.support.refunds_owed import REFUSES, cancel, paid_with
from tests.support.world import CARD, World, wait_for_worker

pytestmark = pytest.mark.faults

DECLINED, BEFORE, AFTER = "as the bank declines", "before the second attempt", "after the second attempt"


class KillingBank(Bank):
    """A bank that kills the worker at one moment of a settlement, before its answer reaches anybody."""

    def __init__(self) -> None:
        super().__init__()
        self.when: str | None = None
        self.killed = threading.Event()
        self.child: Child | None = None

    def settle(self, key: str, moves: list[Move]) -> None:
        second = key.endswith("/2")
        if second and self.when == BEFORE:
            self._kill()
            return
        try:
            super().settle(key, moves)
        finally:
            if (second and self.when == AFTER) or (key in self.refused and self.when == DECLINED):
                self._kill()

    def _kill(self) -> None:
        self.when = None
        assert self.child
        self.child.kill()
        self.killed.set()
        self.child.start()


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


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(DECLINED, marks=pytest.mark.only_on("sqlite")),
        pytest.param(BEFORE, marks=pytest.mark.only_on("sqlite")),
        pytest.param(AFTER, marks=pytest.mark.only_on("postgres")),
    ],
)
async def test_a_worker_killed_between_the_attempts_refunds_once_and_owes_the_rest(
    installation: Killable, moment: str
) -> None:
    world, bank = installation.world, installation.bank
    order = await paid_with(world, REFUSES, CARD)
    bank.killed.clear()
    bank.when = moment
    answer = await cancel(world, order, Prefer="wait=30")
    assert bank.killed.is_set()
    assert answer.status == 200, answer.body
    change = (await world.send("GET", f"/v1/changes/{answer.change}")).body
    assert [(each["code"], each["amount"]) for each in change["warnings"]] == [("REFUND_OWED", "249.00")]
    key = f"{answer.change}/settle_price_difference"
    assert [(move.kind, move.amount.minor) for move in bank.settled[f"{key}/2"]] == [("refund", 10000)]
    assert key not in bank.settled
    assert f"{key}/3" not in bank.settled
    refunded = [each.refunded for name, each in bank.accounts.items() if each.captured and name in _cards(world, order)]
    assert sorted(refunded) == [0, 10000]
    assert entries(world, order, "refund", "owe") == [("owe", 24900), ("refund", 10000)]
    assert len(await events_of(world, order, "refund_declined")) == 1
    assert money(await world.show(order)) == ("50.00", "50.00", "0.00", "249.00")
    assert await owing(world, order) == [("249.00", "NOK")]


def _cards(world: World, order: str) -> set[str]:
    return {f"{row.id}/authorise_payment" for row in world.changes_of(order)}
