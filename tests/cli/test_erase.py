"""`erase` at the command line: given orders or all that are due, its output, and what remains in the database file."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
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
from domain.terms import free_terms
from store.database.store import Store
from store.orders import offer_bundles
from store.orders.orders import lock_order
from store.tables import BundleRow, TravellerRow
from tests.support.canary import BORN
from tests.support.erasure_data import Person, backdate_order, sell_to
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
def database_store(prepared_database: str) -> Iterator[Store]:
    store = Store(prepared_database)
    yield store
    store.close()


def keep_bundle(store: Store, person: Person, order: str | None = None, ago: timedelta = timedelta(days=3)) -> str:
    """Store a bundle that expired some time ago; return its id."""
    traveller = OfferedTraveller(
        id=person.details["id"], birth_date=person.details["birth_date"], price=Money(1, "NOK")
    )
    when = store.now() - ago
    terms = free_terms("NOK")
    offer = Offer(
        id=f"o-{person.marker}",
        product="standard",
        tax_rate=Decimal("0.12"),
        terms=terms,
        travellers=(traveller,),
        smallest=1,
        largest=1,
    )
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


def read_json(result: Result) -> Any:
    return json.loads(result.stdout)


async def test_it_reports_the_result_for_each_order(world: World, database: str, type_: Type) -> None:
    ended, fresh = await sell_to(world, Person()), await sell_to(world, Person())
    backdate_order(world.components.store, ended)
    first = type_(f"{ended} {fresh} 26-999999 x --json", database)
    assert (first.exit_code, read_json(first)["erased"]) == (1, [{"order": ended, "travellers": 1}])
    refused = [(each["order"], each["code"]) for each in read_json(first)["refused"]]
    assert refused == [(fresh, "ORDER_NOT_ENDED"), ("26-999999", "ORDER_NOT_FOUND"), ("x", "ORDER_NOT_FOUND")]
    again = type_(ended, database)
    assert (again.exit_code, again.stdout) == (0, f"{ended}: was erased before\n")


async def test_what_is_due_is_erased_and_nothing_else(world: World, database: str, type_: Type) -> None:
    due, recent = await sell_to(world, Person()), await sell_to(world, Person())
    backdate_order(world.components.store, due, timedelta(days=400))
    backdate_order(world.components.store, recent, timedelta(days=300))
    done = type_("--due --json", database, CHANGEOVER_RETENTION="P365D")
    erased = [each["order"] for each in read_json(done)["erased"]]
    assert (done.exit_code, due in erased, recent in erased) == (0, True, False)
    assert read_json(type_("--due --json", database, CHANGEOVER_RETENTION="P365D"))["erased"] == []


@contextmanager
def busy(database: str, order: str) -> Iterator[None]:
    """Hold a write lock: on an order's row in PostgreSQL, on the whole database in SQLite."""
    if database.startswith("sqlite"):
        connection = sqlite3.connect(database.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.close()
        return
    other_store = Store(database)
    with other_store.write() as tx:
        lock_order(tx, order)
        yield
    other_store.close()


@pytest.mark.parametrize("line", ["--due", "{} {}"], ids=["due", "named"])
async def test_a_database_that_stops_answering_is_reported_with_the_orders_erased_so_far(
    world: World, database: str, type_: Type, line: str
) -> None:
    first, second = await sell_to(world, Person()), await sell_to(world, Person())
    for order in (first, second):
        backdate_order(world.components.store, order, timedelta(days=400))
    with busy(database, second):
        stopped = type_(f"{line.format(first, second)} --json", database, CHANGEOVER_RETENTION="P365D")
    erased = [each["order"] for each in read_json(stopped)["erased"]]
    assert (stopped.exit_code, read_json(stopped)["stopped"]) == (2, "STORE_BUSY")
    assert second not in erased
    assert (first in erased) is not database.startswith("sqlite")
    rest = type_("--due --json", database, CHANGEOVER_RETENTION="P365D")
    assert (rest.exit_code, {first, second} - set(erased)) == (0, {each["order"] for each in read_json(rest)["erased"]})


def test_unused_bundles_are_due_too(database_store: Store, prepared_database: str, type_: Type) -> None:
    old, young = Person(), Person()
    keep_bundle(database_store, old)
    kept = keep_bundle(database_store, young, ago=timedelta(hours=1))
    done = type_("--due", prepared_database, CHANGEOVER_RETENTION="P2D")
    assert (done.exit_code, done.stdout) == (0, "offer bundles erased: 1\n")
    with database_store.read() as tx:
        rows = {row.id: row for row in tx.exec(select(BundleRow))}
    assert not [
        each for each in (f"trav-gul-{old.marker}", BORN.isoformat()) if each in rows[f"b-{old.marker}"].document
    ]
    assert f"trav-gul-{young.marker}" in rows[kept].document
    assert type_("--due", prepared_database, CHANGEOVER_RETENTION="P2D").stdout == "Nothing is due.\n"


def test_without_a_retention_nothing_is_due(fresh_database: str, type_: Type) -> None:
    refused = type_("--due --json", fresh_database)
    assert (refused.exit_code, read_json(refused)["code"]) == (1, "NO_RETENTION")


def test_without_a_database_the_result_is_unknown(fresh_database: str, type_: Type) -> None:
    refused = type_("26-100000 --json", fresh_database)
    assert (refused.exit_code, read_json(refused)["code"]) == (2, "NO_DATABASE")


@pytest.mark.parametrize("line", ["", "26-100000 --due"])
def test_either_orders_or_due_must_be_given(line: str, fresh_database: str, type_: Type) -> None:
    assert "Give order numbers, or --due." in type_(line, fresh_database).stderr


def test_a_retention_is_a_positive_duration(fresh_database: str, type_: Type) -> None:
    for wrong in ("PT0S", "two years"):
        assert type_("--due", fresh_database, CHANGEOVER_RETENTION=wrong).exit_code != 0


@pytest.mark.only_on("sqlite")
def test_erased_data_is_in_no_page_of_the_database_file(
    database_store: Store, prepared_database: str, tmp_path: Path, type_: Type
) -> None:
    people = [Person() for _ in range(50)]
    for person in people:
        keep_bundle(database_store, person)
    files = (tmp_path / "prepared.db", tmp_path / "prepared.db-wal")
    assert any(people[7].details["id"].encode() in file.read_bytes() for file in files)
    assert type_("--due", prepared_database, CHANGEOVER_RETENTION="P2D").exit_code == 0
    kept = [file.read_bytes() for file in files if file.exists()]
    assert not [each.marker for each in people if any(f"trav-gul-{each.marker}".encode() in text for text in kept)]
    assert not any(BORN.isoformat().encode() in text for text in kept)


async def test_an_abandoned_order_is_erased_too(world: World, database: str, type_: Type) -> None:
    """An order whose first change was refused is hidden, but its request is still stored."""
    order = await sell_to(world, Person())
    backdate_order(world.components.store, order)
    with world.components.store.write() as tx:
        tx.connection().exec_driver_sql(f"UPDATE orders SET abandoned = 1 = 1 WHERE number = '{order}'")  # noqa: S608 - our own number
    assert type_(order, database).exit_code == 0
    with world.components.store.read() as tx:
        found = tx.exec(select(TravellerRow.traveller).where(TravellerRow.order_number == order))
        assert set(found) == {"erased-1"}
