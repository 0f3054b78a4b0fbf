"""A catalogue file is checked whole before anything is written; faults have pointers and are in our own words."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date, time
from typing import Any

import pytest
from sqlmodel import func, select

from cli.catalogue import DEMO, load
from domain.catalogue_rules import CatalogueFaultsError
from domain.products import PriceRow, Product, Supplement
from providers.embedded.catalogue_file import Departure, Loaded, Timetable, read_catalogue, timetables_only
from providers.embedded.catalogue_loader import load_catalogue
from providers.embedded.offers import EmbeddedOffers
from runtime.settings import Settings
from store.database.migrate import migrate
from store.database.store import Store
from store.tables import ProductRow, SeatRow, ServiceRow, SupplementRow
from tests.support.awkward import AWKWARD
from tests.support.commands import ROOT

Json = dict[str, Any]
DAY = date(2027, 3, 1)
TICKET: Json = {
    "id": "ticket",
    "name": "Ticket",
    "currency": "NOK",
    "prices": [{"min_age": 0, "max_age": 2500, "price": {"minor": 3333, "currency": "NOK"}}],
    "tax_rate": "0.12",
    "change_fee": {"minor": 0, "currency": "NOK"},
    "railway_line": "north",
    "supplements": ["meal"],
}
MEAL: Json = {
    "id": "meal",
    "name": "Meal",
    "price": {"minor": 1, "currency": "NOK"},
    "tax_rate": "0.15",
    "changes_seating": False,
}
NORTH: Json = {
    "railway_line": "north",
    "time_zone": "Europe/Oslo",
    "days": 2,
    "departures": [{"number": "1", "leaves": "08:25"}],
    "coaches": 1,
    "seats_per_coach": 2,
    "seats_per_row": 2,
}
PLAIN: Json = {"products": [TICKET], "supplements": [MEAL], "timetables": [NORTH]}
_JUNK: list[Any] = [None, 7, -7, 0.5, True, "x", "", "\ud800", [], {}, [None], {"x": 1}, 10**20, "\u0000", [[]]]


def faults_of(content: Json | str | bytes, before: Loaded | None = None) -> dict[str, str]:
    """Return the faults of a file, by pointer."""
    text = json.dumps(content) if isinstance(content, dict) else content
    try:
        read_catalogue(text.encode() if isinstance(text, str) else text).check(before or Loaded())
    except CatalogueFaultsError as error:
        found = error.faults
    else:
        return {}
    assert len({each.pointer for each in found}) == len(found)
    return {each.pointer: each.detail for each in found}


def changed(change: Callable[[Json], object]) -> Json:
    """Return the plain catalogue with one change."""
    content = deepcopy(PLAIN)
    change(content)
    return content


@pytest.mark.parametrize("path", [DEMO, AWKWARD], ids=lambda path: path.stem)
def test_the_demo_and_the_awkward_catalogue_have_no_faults(path: Any) -> None:
    assert faults_of(path.read_bytes()) == {}


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (b"", "is not JSON: line 1, column 1"),
        (b'{"products": [],\n "supplements"}', "is not JSON: line 2, column 15"),
        (b"[]", "must be an object"),
        (b"null", "must be an object"),
        (b"\xff\xfe", "is not JSON in UTF-8 with finite numbers"),
        (b'{"products": NaN}', "is not JSON in UTF-8 with finite numbers"),
        (b'{"products": ' + b"9" * 5000 + b"}", "is not JSON in UTF-8 with finite numbers"),
        (b"[" * 100_000, "is nested too deeply"),
    ],
)
def test_a_file_that_is_no_json_object_says_where(text: bytes, detail: str) -> None:
    assert faults_of(text) == {"": detail}


def test_a_byte_order_mark_is_no_fault() -> None:
    assert faults_of(b"\xef\xbb\xbf" + json.dumps(PLAIN).encode()) == {}


def test_all_three_lists_are_there_and_nothing_else() -> None:
    assert faults_of({"products": {}, "timetables": None, "services": []}) == {
        "/products": "must be a list",
        "/services": "is unknown",
        "/supplements": "is missing",
        "/timetables": "must be a list",
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda c: c["products"][0].pop("name"), {"/products/0/name": "is missing"}),
        (lambda c: c["products"][0].update({"a/b~": 1}), {"/products/0/a~1b~0": "is unknown"}),
        (
            lambda c: c["products"][0].update(id="no spaces"),
            {"/products/0/id": "must be 1 to 64 letters, digits and . _ : ~ -"},
        ),
        (
            lambda c: c["products"][0].update(returnable_until="never"),
            {"/products/0/returnable_until": "must be one of start, end, always, not, line"},
        ),
        (
            lambda c: c["products"][0].update(validity="24 hours"),
            {"/products/0/validity": "must be an ISO 8601 duration such as PT24H, P3D or P1M"},
        ),
        (lambda c: c["products"][0].update(sold_ahead=30), {"/products/0/sold_ahead": "must be text"}),
        (lambda c: c["products"][0].update(capacity=2.0), {"/products/0/capacity": "must be a whole number"}),
        (lambda c: c["products"][0].update(capacity=-1), {"/products/0/capacity": "must be at least 0"}),
        (lambda c: c["products"][0].update(withdrawn="yes"), {"/products/0/withdrawn": "must be true or false"}),
        (
            lambda c: c["products"][0].update(tax_rate="12 %"),
            {"/products/0/tax_rate": 'must be a decimal number such as "0.12"'},
        ),
        (lambda c: c["products"][0].update(name="\u0007"), {"/products/0/name": "must not hold control characters"}),
        (
            lambda c: c["products"][0].update(name="x" * 101),
            {"/products/0/name": "must have at most 100 characters"},
        ),
        (lambda c: c["supplements"][0].update(title="Meal"), {"/supplements/0/title": "is unknown"}),
        (lambda c: c["products"][0].update(title="\ud83d"), {"/products/0/title": "contains an unpaired surrogate"}),
        (
            lambda c: c["timetables"][0].update(time_zone="Oslo"),
            {"/timetables/0/time_zone": "must be an IANA time zone such as Europe/Oslo"},
        ),
        (lambda c: c["timetables"][0].update(days=0), {"/timetables/0/days": "must be at least 1"}),
        (lambda c: c["timetables"][0].update(days=10**6), {"/timetables/0/days": "must be at most 3650"}),
        (lambda c: c["timetables"][0].update(seats_per_row=0), {"/timetables/0/seats_per_row": "must be at least 1"}),
        (lambda c: c["timetables"][0].update(departures=[]), {"/timetables/0/departures": "must not be empty"}),
        (
            lambda c: c["timetables"][0]["departures"][0].update(leaves="08:25Z"),
            {"/timetables/0/departures/0/leaves": "must be a local time such as 08:25"},
        ),
        (
            lambda c: c["timetables"][0]["departures"][0].update(leaves="24:00"),
            {"/timetables/0/departures/0/leaves": "must be a local time such as 08:25"},
        ),
        (
            lambda c: c["timetables"][0]["departures"][0].update(leaves=30_300),
            {"/timetables/0/departures/0/leaves": "must be a local time such as 08:25"},
        ),
        (
            lambda c: c["timetables"][0]["departures"][0].update(number="1" * 54),
            {"/timetables/0/departures/0/number": "must have at most 53 characters"},
        ),
        (
            lambda c: c["timetables"].append(c["timetables"][0]),
            {"/timetables/1/departures/0/number": "is the number of another departure"},
        ),
        (
            lambda c: c["timetables"].clear(),
            {"/products/0/railway_line": "has no timetable, and no departures that were loaded before"},
        ),
    ],
)
def test_a_fault_has_a_pointer_and_our_own_words(change: Callable[[Json], object], expected: dict[str, str]) -> None:
    assert faults_of(changed(change)) == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (19.99, {"": 'must be an object such as {"minor": 1900, "currency": "CHF"}'}),
        (None, {"": 'must be an object such as {"minor": 1900, "currency": "CHF"}'}),
        ({}, {"/currency": "is missing", "/minor": "is missing"}),
        ({"minor": "1", "currency": "NOK"}, {"/minor": "must be a whole number of minor units"}),
        ({"minor": 1.0, "currency": "NOK"}, {"/minor": "must be a whole number of minor units"}),
        ({"minor": True, "currency": "NOK"}, {"/minor": "must be a whole number of minor units"}),
        ({"minor": 2**53, "currency": "NOK"}, {"/minor": "must be a whole number of minor units"}),
        ({"minor": 1, "currency": "kr"}, {"/currency": "is no ISO 4217 currency"}),
        ({"minor": 1, "currency": ["NOK"]}, {"/currency": "is no ISO 4217 currency"}),
        ({"minor": 1, "currency": "NOK", "major": 1}, {"/major": "is unknown"}),
        ({"minor": -1, "currency": "NOK"}, {"/minor": "must be from 0 to 1000000000000"}),
        ({"minor": 1, "currency": "DKK"}, {"/currency": "is not the product's currency"}),
    ],
)
def test_an_amount_is_whole_minor_units_of_a_known_currency(amount: Any, expected: dict[str, str]) -> None:
    found = faults_of(changed(lambda c: c["products"][0].update(change_fee=amount)))
    assert found == {f"/products/0/change_fee{member}": detail for member, detail in expected.items()}


def test_a_member_given_twice_is_found() -> None:
    text = json.dumps(PLAIN).replace('"minor": 3333', '"minor": 1, "minor": 3333')
    assert faults_of(text) == {"/products/0/prices/0/price/minor": "is given twice"}


def test_all_faults_are_reported_at_once_in_the_order_of_the_file() -> None:
    content = deepcopy(PLAIN)
    content["products"] = [dict(TICKET, id=f"t{number}", tax_rate="2") for number in range(11)]
    content["products"][2]["name"] = None
    content["supplements"] = []
    content["timetables"][0]["coaches"] = 0
    found = list(faults_of(content))
    expected = [
        f"/products/{number}/{member}"
        for number in range(11)
        for member in (["name"] if number == 2 else ["supplements/0", "tax_rate"])
    ]
    assert found == [*expected, "/timetables/0/coaches"]


def test_what_cannot_be_read_causes_no_faults_elsewhere() -> None:
    content = deepcopy(PLAIN)
    content["supplements"][0]["tax_rate"] = "much"
    content["timetables"][0]["days"] = "many"
    assert list(faults_of(content)) == ["/supplements/0/tax_rate", "/timetables/0/days"]


def _places(value: Any, pointer: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield every place of a document: its pointer, and the container with the key or index in it."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield f"{pointer}/{key}", value, key
        yield from _places(inner, f"{pointer}/{key}")


@pytest.mark.parametrize("junk", _JUNK, ids=repr)
def test_whatever_stands_anywhere_is_a_fault_in_our_own_words_or_valid(junk: Any) -> None:
    for pointer, _, _ in list(_places(PLAIN)):
        content = deepcopy(PLAIN)
        _, container, key = next(each for each in _places(content) if each[0] == pointer)
        container[key] = junk
        for found, detail in faults_of(content).items():
            assert found.startswith("/")
            assert detail != "is invalid"
            assert not any(word in detail for word in ("Input", "Value error", "pydantic", "{error")), detail


@pytest.fixture
def database(fresh_database: str) -> str:
    """A migrated database without a catalogue."""
    migrate(fresh_database)
    return fresh_database


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    opened = Store(database)
    yield opened
    opened.close()


def rows_of(store: Store) -> dict[str, int]:
    with store.read() as tx:
        tables = (ProductRow, SupplementRow, ServiceRow, SeatRow)
        return {each.__name__: tx.exec(select(func.count()).select_from(each)).one() for each in tables}


def load_json(store: Store, content: Json, tenant: str = "default") -> int:
    return load_catalogue(store, tenant, read_catalogue(json.dumps(content).encode()), DAY)


def test_a_catalogue_with_one_fault_writes_nothing(store: Store) -> None:
    content = deepcopy(PLAIN)
    content["timetables"].append(dict(NORTH, departures=[{"number": "2", "leaves": "09:00"}], days=-1))
    with pytest.raises(CatalogueFaultsError):
        load_json(store, content)
    assert set(rows_of(store).values()) == {0}


def test_a_catalogue_is_loaded_whole_and_only_new_departures_are_added(store: Store) -> None:
    assert load_json(store, PLAIN) == 2
    assert rows_of(store) == {"ProductRow": 1, "SupplementRow": 1, "ServiceRow": 2, "SeatRow": 4}
    assert load_json(store, changed(lambda c: c["timetables"][0].update(days=3))) == 1
    assert rows_of(store) == {"ProductRow": 1, "SupplementRow": 1, "ServiceRow": 3, "SeatRow": 6}


def test_a_second_file_is_checked_with_what_the_first_one_loaded(store: Store) -> None:
    load_json(store, PLAIN)
    second = {"products": [dict(TICKET, id="other")], "supplements": [], "timetables": []}
    assert load_json(store, second) == 0
    with pytest.raises(CatalogueFaultsError) as refused:
        load_json(store, second, tenant="another")
    assert [each.pointer for each in refused.value.faults] == ["/products/0/railway_line", "/products/0/supplements/0"]
    in_kroner = dict(MEAL, price={"minor": 1, "currency": "DKK"})
    with pytest.raises(CatalogueFaultsError) as refused:
        load_json(store, {"products": [], "supplements": [in_kroner], "timetables": []})
    assert {each.pointer for each in refused.value.faults} == {"/supplements/0/price/currency"}
    found = EmbeddedOffers(store).supplements("default", ["meal"])
    assert found["meal"].price.currency == "NOK"


def test_the_awkward_catalogue_is_loaded_beside_the_demo(database: str, store: Store) -> None:
    load(Settings(database=database))
    assert load(Settings(database=database), AWKWARD) == 8
    offers = EmbeddedOffers(store)
    assert set(offers.products("default", ["standard", "odd_kwd_fils", "odd_withdrawn"])) == {
        "standard",
        "odd_kwd_fils",
        "odd_withdrawn",
    }


def test_departures_alone_are_a_catalogue(store: Store) -> None:
    table = Timetable(
        railway_line="south",
        time_zone="UTC",
        days=1,
        departures=(Departure(number="9", leaves=time(9)),),
        coaches=1,
        seats_per_coach=1,
        seats_per_row=1,
    )
    assert load_catalogue(store, "default", timetables_only(table), DAY) == 1


def test_the_page_has_a_valid_example_and_every_member() -> None:
    page = (ROOT / "docs" / "catalogue.md").read_text()
    example = page.partition("```json\n")[2].partition("```")[0]
    assert faults_of(example) == {}
    members = {name for model in (Product, Supplement, PriceRow, Timetable, Departure) for name in model.model_fields}
    assert {name for name in members if f"`{name}`" not in page and f'"{name}"' not in page} == set()
