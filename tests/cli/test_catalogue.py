"""`catalogue` and `service` at the command line: what they change, what they print, and their exit codes."""

import json
import os
import pwd
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import __main__ as main
from cli.__main__ import app
from cli.catalogue import DEMO
from providers.embedded.offers import EmbeddedOffers
from providers.protocols import OfferSearch, SearchTraveller
from runtime.settings import Settings
from store.database.migrate import migrate
from store.database.store import Store
from tests.support.awkward import AWKWARD
from tests.support.commands import run

Type = Callable[..., Result]
ONCE = pytest.mark.only_on("sqlite")  # the command line does not depend on the database


@pytest.fixture
def database(fresh_database: str) -> str:
    migrate(fresh_database)
    return fresh_database


@pytest.fixture
def type_(database: str, monkeypatch: pytest.MonkeyPatch) -> Type:
    monkeypatch.setattr(main, "configure", lambda _format: None)

    def typed(*words: str, **settings: str) -> Result:
        return CliRunner(env={"CHANGEOVER_DATABASE": database, "COLUMNS": "80", **settings}).invoke(app, list(words))

    return typed


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    opened = Store(database)
    yield opened
    opened.close()


def faulty(folder: Path) -> Path:
    content = json.loads(DEMO.read_text())
    content["products"][0]["change_fee"] = {"minor": 0, "currency": "EUR"}
    content["supplements"][0]["tax_rate"] = "1.15"
    content["products"][1]["[bold]"] = True
    path = folder / "faulty.json"
    path.write_text(json.dumps(content))
    return path


def departures(store: Store, count: int = 1) -> list[str]:
    """Return the ids of the daily train 4711 from the day after tomorrow on."""
    first = store.now().date() + timedelta(days=2)
    return [f"4711-{first + timedelta(days=number)}" for number in range(count)]


def offered(store: Store, service: str) -> list[str]:
    search = OfferSearch("standard", service, None, "UTC", (SearchTraveller("a", date(1990, 5, 4)),))
    return [each.service or "" for each in EmbeddedOffers(store).search("default", search, store.now())]


@ONCE
def test_a_catalogue_is_loaded_and_its_new_departures_are_counted(type_: Type) -> None:
    first = type_("catalogue")
    assert (first.exit_code, first.stdout) == (0, "180 new departures\n")
    again = type_("catalogue", str(DEMO), "--json")
    assert (again.exit_code, json.loads(again.stdout)) == (0, {"departures": 0})
    assert json.loads(type_("catalogue", str(AWKWARD), "--json").stdout) == {"departures": 8}


@ONCE
def test_each_fault_is_printed_with_its_pointer_and_nothing_is_loaded(
    type_: Type, store: Store, tmp_path: Path
) -> None:
    path = str(faulty(tmp_path))
    refused = type_("catalogue", path)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.splitlines() == [
        "The catalogue has faults (3); nothing was loaded. (CATALOGUE_INVALID)",
        "   /products/0/change_fee/currency is not the product's currency",
        "   /products/1/[bold] is unknown",
        '   /supplements/0/tax_rate must be from 0 up to, but excluding, 1: "0.12" is 12 %',
    ]
    problem = json.loads(type_("catalogue", path, "--json").stdout)
    assert problem["code"] == "CATALOGUE_INVALID"
    assert {"pointer": "/products/1/[bold]", "detail": "is unknown"} in problem["errors"]
    assert EmbeddedOffers(store).products("default", ["standard"]) == {}


@ONCE
def test_a_file_that_is_no_json_is_refused_in_one_line(type_: Type, tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.touch()
    refused = type_("catalogue", str(path))
    assert (refused.exit_code, " ".join(refused.stderr.split()[-7:])) == (1, "is not JSON: line 1, column 1")


@ONCE
def test_without_a_database_or_a_file_it_says_so(type_: Type, tmp_path: Path) -> None:
    empty = f"sqlite:///{tmp_path / 'empty.db'}"
    for words in (("catalogue",), ("service", "cancel", "4711-2027-03-01")):
        done = type_(*words, "--json", CHANGEOVER_DATABASE=empty)
        assert (done.exit_code, json.loads(done.stdout)["code"]) == (2, "NO_DATABASE")
    assert run("catalogue", str(tmp_path / "nowhere.json")).returncode == 64


def test_a_cancelled_service_is_no_longer_sold_until_it_is_reinstated(type_: Type, store: Store) -> None:
    type_("catalogue")
    first, second, third = departures(store, 3)
    done = type_("service", "cancel", first, second)
    assert (done.exit_code, done.stdout) == (0, f"Cancelled: {first}, {second}\n")
    found = EmbeddedOffers(store).services("default", [first, second, third])
    assert {name: each.cancelled for name, each in found.items()} == {first: True, second: True, third: False}
    assert not found[first].departed(found[first].departs_at)
    assert (offered(store, first), offered(store, third)) == ([], [third])
    type_("catalogue")
    assert EmbeddedOffers(store).services("default", [first])[first].cancelled
    again = type_("service", "cancel", first, "--json")
    assert (again.exit_code, json.loads(again.stdout)) == (0, {"services": []})
    back = type_("service", "reinstate", first, "--json")
    assert (back.exit_code, json.loads(back.stdout)) == (0, {"services": [first]})
    assert (offered(store, first), offered(store, second)) == ([first], [])


def test_a_day_without_its_first_departure_is_offered_on_the_next(type_: Type, store: Store) -> None:
    type_("catalogue")
    (service,) = departures(store)
    leaves = EmbeddedOffers(store).services("default", [service])[service].departs_at
    search = OfferSearch("standard", None, leaves, "Europe/Oslo", (SearchTraveller("a", date(1990, 5, 4)),))

    def departure() -> list[str | None]:
        return [each.service for each in EmbeddedOffers(store).search("default", search, store.now())]

    assert departure() == [service]
    type_("service", "cancel", service)
    assert departure() == [service.replace("4711", "4713")]


@ONCE
@pytest.mark.parametrize("unknown", ["4711-1999-01-01", "[/red]", "\x00", "x" * 100])
def test_of_several_services_all_are_marked_or_none(type_: Type, store: Store, unknown: str) -> None:
    type_("catalogue")
    (known,) = departures(store)
    refused = type_("service", "cancel", known, unknown)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "SERVICE_NOT_FOUND" in refused.stderr
    problem: Any = json.loads(type_("service", "cancel", known, unknown, "--json").stdout)
    assert problem["errors"] == [{"field": unknown, "detail": "is unknown"}]
    assert not EmbeddedOffers(store).services("default", [known])[known].cancelled


@ONCE
def test_another_tenants_service_is_unknown(type_: Type, store: Store) -> None:
    type_("catalogue")
    (service,) = departures(store)
    refused = type_("service", "cancel", service, CHANGEOVER_TENANT="another")
    assert refused.exit_code == 1
    assert not EmbeddedOffers(store).services("default", [service])[service].cancelled


@ONCE
def test_offers_of_another_provider_are_not_marked_here(type_: Type) -> None:
    refused = type_(
        "service", "cancel", "4711", "--json", CHANGEOVER_OFFERS="examples.providers.shop_offers:ShopOffers"
    )
    assert (refused.exit_code, json.loads(refused.stdout)["code"]) == (1, "OFFERS_NOT_EMBEDDED")


@ONCE
def test_the_audit_log_says_who_cancelled_which_service(
    type_: Type, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    type_("catalogue")
    (service,) = departures(store)
    for act in ("cancel", "cancel", "reinstate"):
        type_("service", act, service)
    records = [each.__dict__ for each in caplog.records if each.name == "telemetry.audit_log"]
    assert [each["action"] for each in records] == ["cancel service", "reinstate service"]
    assert {(each["actor"], each["service"]) for each in records} == {(pwd.getpwuid(os.getuid()).pw_name, service)}


def test_a_catalogue_is_loaded_for_the_tenant_of_the_command(type_: Type, store: Store) -> None:
    type_("catalogue", CHANGEOVER_TENANT="another")
    assert Settings().tenant == "default"
    offers = EmbeddedOffers(store)
    assert (set(offers.products("another", ["standard"])), offers.products("default", ["standard"])) == (
        {"standard"},
        {},
    )
