"""`erase` at the command line: orders by number, or whatever is due; what it says, and what is left in the file."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from cli import __main__ as main
from cli.__main__ import app
from domain.access import TenantAccess
from domain.money import Money
from domain.offers import Offer, OfferBundle, OfferedTraveller
from store.database.store import Store
from store.orders import offer_bundles
from store.orders.orders import lock_order
from store.tables import BundleRow, TravellerRow
from tests.support.canary import BORN
from tests.support.erasure_data import Person, backdate_order, sell_to
from tests.support.installation import prepare_database
from tests.support.world import TENANT, World

Type = Callable[..., Result]


@pytest.fixture
def type_(monkeypatch: pytest.MonkeyPatch) -> Type:
    monkeypatch.setattr(main, "configure", lambda _format: None)

    def typed(line: str, database: str, **settings: str) -> Result:
        environment = {"CHANGEOVER_DATABASE": database, "COLUMNS": "120", **settings}
        return CliRunner(env=environment).invoke(app, ["erase", *line.split()])

    return typed


@pytest.fixture
def books(fresh_database: str) -> Iterator[Store]:
    store = Store(prepare_database(fresh_database))
    yield store
    store.close()


def offered(store: Store, person: Person, order: str | None = None, ago: timedelta = timedelta(days=3)) -> str:
    """Keep a bundle that ended a while ago."""
    traveller = OfferedTraveller(
        id=person.details["id"], birth_date=person.details["birth_date"], price=Money(1, "NOK")
    )
    when = store.now() - ago
    offer = Offer(id=f"o-{person.marker}", product="standard", travellers=(traveller,), smallest=1, largest=1)
    bundle = OfferBundle(
        id=f"b-{person.marker}",
        currency="NOK",
        order=order,
        service=None,
        valid_from=when,
        first_day=when.date(),
        expires_at=when,
        offers=(offer,),
    )
    with store.for_tenant(TenantAccess(TENANT)).write() as tx:
        offer_bundles.keep(tx, bundle)
    return bundle.id


def told(result: Result) -> Any:
    return json.loads(result.stdout)


async def test_it_says_of_each_order_what_became_of_it(world: World, database: str, type_: Type) -> None:
    ended, fresh = await sell_to(world, Person()), await sell_to(world, Person())
    backdate_order(world.components.store, ended)
    first = type_(f"{ended} {fresh} 26-999999 x --json", database)
    assert (first.exit_code, told(first)["erased"]) == (1, [{"order": ended, "travellers": 1}])
    said = [(each["order"], each["code"]) for each in told(first)["refused"]]
    assert said == [(fresh, "ORDER_NOT_ENDED"), ("26-999999", "ORDER_NOT_FOUND"), ("x", "ORDER_NOT_FOUND")]
    again = type_(ended, database)
    assert (again.exit_code, again.stdout) == (0, f"{ended}: was erased before\n")


async def test_what_is_due_is_erased_and_nothing_else(world: World, database: str, type_: Type) -> None:
    long_since, lately = await sell_to(world, Person()), await sell_to(world, Person())
    backdate_order(world.components.store, long_since, timedelta(days=400))
    backdate_order(world.components.store, lately, timedelta(days=300))
    done = type_("--due --json", database, CHANGEOVER_RETENTION="P365D")
    erased = [each["order"] for each in told(done)["erased"]]
    assert (done.exit_code, long_since in erased, lately in erased) == (0, True, False)
    assert told(type_("--due --json", database, CHANGEOVER_RETENTION="P365D"))["erased"] == []


@contextmanager
def busy(database: str, order: str) -> Iterator[None]:
    """Somebody else is writing: an order's row, or anything at all where there is one writer."""
    if database.startswith("sqlite"):
        somebody = sqlite3.connect(database.removeprefix("sqlite:///"), isolation_level=None)
        somebody.execute("BEGIN IMMEDIATE")
        yield
        somebody.close()
        return
    somebody_else = Store(database)
    with somebody_else.write() as tx:
        lock_order(tx, order)
        yield
    somebody_else.close()


@pytest.mark.parametrize("line", ["--due", "{} {}"], ids=["due", "named"])
async def test_a_store_that_stops_answering_is_told_with_what_was_done_by_then(
    world: World, database: str, type_: Type, line: str
) -> None:
    first, second = await sell_to(world, Person()), await sell_to(world, Person())
    for order in (first, second):
        backdate_order(world.components.store, order, timedelta(days=400))
    with busy(database, second):
        stopped = type_(f"{line.format(first, second)} --json", database, CHANGEOVER_RETENTION="P365D")
    erased = [each["order"] for each in told(stopped)["erased"]]
    assert (stopped.exit_code, told(stopped)["stopped"]) == (2, "STORE_BUSY")
    assert second not in erased
    assert (first in erased) is not database.startswith("sqlite")
    rest = type_("--due --json", database, CHANGEOVER_RETENTION="P365D")
    assert (rest.exit_code, {first, second} - set(erased)) == (0, {each["order"] for each in told(rest)["erased"]})


def test_bundles_nobody_took_are_due_too(books: Store, fresh_database: str, type_: Type) -> None:
    old, young = Person(), Person()
    offered(books, old)
    kept = offered(books, young, ago=timedelta(hours=1))
    done = type_("--due", fresh_database, CHANGEOVER_RETENTION="P2D")
    assert (done.exit_code, done.stdout) == (0, "offer bundles nobody is in any more: 1\n")
    with books.read() as tx:
        rows = {row.id: row for row in tx.exec(select(BundleRow))}
    assert not [
        each for each in (f"trav-gul-{old.marker}", BORN.isoformat()) if each in rows[f"b-{old.marker}"].document
    ]
    assert f"trav-gul-{young.marker}" in rows[kept].document
    assert type_("--due", fresh_database, CHANGEOVER_RETENTION="P2D").stdout == "Nothing is due.\n"


def test_for_ever_is_said_to_be_for_ever(fresh_database: str, type_: Type) -> None:
    refused = type_("--due --json", fresh_database)
    assert (refused.exit_code, told(refused)["code"]) == (1, "NO_RETENTION")


def test_without_books_it_cannot_be_told(fresh_database: str, type_: Type) -> None:
    refused = type_("26-100000 --json", fresh_database)
    assert (refused.exit_code, told(refused)["code"]) == (2, "NO_DATABASE")


@pytest.mark.parametrize("line", ["", "26-100000 --due"])
def test_either_orders_or_due_are_named(line: str, fresh_database: str, type_: Type) -> None:
    assert "Name orders, or --due." in type_(line, fresh_database).stderr


def test_a_retention_is_a_duration_and_never_none_at_all(fresh_database: str, type_: Type) -> None:
    for wrong in ("PT0S", "two years"):
        assert type_("--due", fresh_database, CHANGEOVER_RETENTION=wrong).exit_code != 0


@pytest.mark.only_on("sqlite")
def test_what_is_erased_is_in_no_page_of_the_file(
    books: Store, fresh_database: str, tmp_path: Path, type_: Type
) -> None:
    somebody = [Person() for _ in range(50)]
    for person in somebody:
        offered(books, person)
    files = (tmp_path / "fresh.db", tmp_path / "fresh.db-wal")
    assert any(somebody[7].details["id"].encode() in file.read_bytes() for file in files)
    assert type_("--due", fresh_database, CHANGEOVER_RETENTION="P2D").exit_code == 0
    kept = [file.read_bytes() for file in files if file.exists()]
    assert not [each.marker for each in somebody if any(f"trav-gul-{each.marker}".encode() in text for text in kept)]
    assert not any(BORN.isoformat().encode() in text for text in kept)


async def test_an_order_that_nobody_may_see_is_erased_too(world: World, database: str, type_: Type) -> None:
    """One whose first change was refused is gone, but its request is kept."""
    order = await sell_to(world, Person())
    backdate_order(world.components.store, order)
    with world.components.store.write() as tx:
        tx.connection().exec_driver_sql(f"UPDATE orders SET abandoned = 1 = 1 WHERE number = '{order}'")  # noqa: S608 - our own number
    assert type_(order, database).exit_code == 0
    with world.components.store.read() as tx:
        found = tx.exec(select(TravellerRow.traveller).where(TravellerRow.order_number == order))
        assert set(found) == {"erased-1"}
