"""Offer search: products and prices for travellers."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.canary import ADULT, BORN
from tests.support.world import TENANT, World


async def search(world: World, *birth_dates: str, **where: Any) -> list[dict[str, Any]]:
    travellers = [{"id": f"t{number}", "birth_date": born} for number, born in enumerate(birth_dates)]
    answer = await world.post("/v1/offers", {"travellers": travellers, **where})
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.body["offer_bundles"]
    return found


async def test_a_service_is_offered_in_every_product_of_its_line(world: World) -> None:
    found = await search(world, "1990-01-01", "2019-01-01", service=world.train())
    totals = {bundle["offers"][0]["product"]: bundle["total"] for bundle in found}
    assert totals == {"standard": "448.50", "flexible": "523.50", "compartment": "1196.00"}
    standard = next(bundle["offers"][0] for bundle in found if bundle["offers"][0]["product"] == "standard")
    assert [each["price"] for each in standard["travellers"]] == ["299.00", "149.50"]
    assert {each["id"]: each["changes_seating"] for each in standard["supplements"]} == {
        "MEAL": False,
        "BICYCLE": False,
        "SEAT_RESERVATION": True,
        "UPGRADE": True,
    }


async def test_a_compartment_takes_six_and_no_seventh(world: World) -> None:
    train = world.train()
    birth_dates = ["1990-01-01"] * 7
    assert len(await search(world, *birth_dates[:6], service=train, product="compartment")) == 1
    assert await search(world, *birth_dates, service=train, product="compartment") == []


async def test_a_traveller_without_a_price_gets_no_offer(world: World) -> None:
    where = {"product": "nova_zurichcard24", "valid_from": "2021-10-22T10:00:00Z"}
    assert await search(world, "2016-10-23", **where) == []
    assert len(await search(world, "2016-10-22", **where)) == 1


@pytest.mark.parametrize(("zone", "price"), [("UTC", "19.00"), ("Pacific/Auckland", "27.00")])
async def test_the_first_day_is_a_day_of_the_time_zone_asked_for(world: World, zone: str, price: str) -> None:
    born = "2005-10-23"
    where = {"product": "nova_zurichcard24", "valid_from": "2021-10-22T22:30:00Z", "time_zone": zone}
    (found,) = await search(world, born, **where)
    assert found["total"] == price


async def test_a_departure_that_has_left_is_not_offered(world: World) -> None:
    assert await search(world, "1990-01-01", service=world.train(leaves_in=timedelta(seconds=-1))) == []


@pytest.mark.parametrize(
    ("where", "code"), [({"product": "x"}, "PRODUCT_NOT_FOUND"), ({"service": "x"}, "SERVICE_NOT_FOUND")]
)
async def test_an_unknown_product_or_service_is_404(world: World, where: dict[str, str], code: str) -> None:
    body = {"travellers": [{"id": ADULT}], "valid_from": "2027-01-01T00:00:00Z", **where}
    answer = await world.post("/v1/offers", body)
    assert (answer.status, answer.code) == (404, code)


async def test_a_bundle_states_until_when_its_price_is_guaranteed(world: World) -> None:
    (found,) = await search(world, BORN.isoformat(), service=world.train(), product="standard")
    left = datetime.fromisoformat(found["expires_at"]) - world.components.store.now()
    assert timedelta(minutes=19) < left <= timedelta(minutes=20)


async def test_the_demo_catalogue_is_the_documents_and_the_trains(world: World) -> None:
    cards = world.components.offers.products(TENANT, ["nova_zurichcard24", "nova_zurichcard72"])
    rows = {name: [(row.price.minor, row.min_age, row.max_age) for row in card.prices] for name, card in cards.items()}
    assert rows == {
        "nova_zurichcard24": [(1900, 5, 15), (2700, 15, 2500)],
        "nova_zurichcard72": [(3700, 5, 15), (5300, 15, 2500)],
    }
    assert [(card.sku, str(card.tax_rate), card.name) for card in cards.values()] == [
        ("895", "0.077", "ZVV Zürich Card, ZVV Zürich Card 24 hours"),
        ("898", "0.077", "ZVV Zürich Card, ZVV Zürich Card 72 hours"),
    ]
