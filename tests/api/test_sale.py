"""What a product says about its sale, as clients meet it: terms, validity, withdrawal, infants, cancelled services."""

from datetime import timedelta
from typing import Any

import pytest

from domain.products import Product
from providers.embedded.service_marks import mark_cancelled
from store.tables import ProductRow
from tests.support.awkward import load_awkward, odd_train
from tests.support.canary import ADULT, CHILD
from tests.support.world import CARD, PEOPLE, TENANT, Json, World, add

BABY: Json = {"id": "baby", "given_name": "Bo", "family_name": "Li", "birth_date": "2026-06-01"}


@pytest.fixture
def world(world: World, database: str) -> World:
    """The installation with the awkward catalogue beside the demo's."""
    if not world.components.offers.products(TENANT, ["odd_third"]):
        load_awkward(database)
    return world


def say(world: World, product: str, **members: Any) -> None:
    """Change members of a product, as loading another catalogue does."""
    found: Product = world.components.offers.products(TENANT, [product])[product]
    with world.components.store.write() as tx:
        row = tx.get_one(ProductRow, (TENANT, product))
        row.document = Product.model_validate(found.model_dump() | members).model_dump_json()
        tx.add(row)


def copy_of(world: World, template: str, name: str, **members: Any) -> str:
    """Add a product like another one, for one test alone."""
    found: Product = world.components.offers.products(TENANT, [template])[template]
    copied = found.model_copy(update={"id": f"{name}-{world.train()}", **members})
    with world.components.store.write() as tx:
        line, text = copied.railway_line, copied.model_dump_json()
        tx.add(ProductRow(tenant=TENANT, id=copied.id, railway_line=line, document=text))
    return copied.id


async def search(world: World, product: str, *travellers: Json, **where: Any) -> list[Json]:
    searched = [{"id": each["id"], "birth_date": each["birth_date"]} for each in travellers or (PEOPLE[ADULT],)]
    answer = await world.post("/v1/offers", {"product": product, "travellers": searched, **where})
    assert answer.status == 200, answer.body
    found: list[Json] = answer.body["offer_bundles"]
    return found


async def test_an_offer_keeps_price_rate_and_fee_whatever_the_catalogue_says_meanwhile(world: World) -> None:
    train = odd_train(world.components.store)
    product = copy_of(world, "odd_third", "kept")
    bundle = await world.offer(product, ADULT, service=train)
    say(
        world,
        product,
        tax_rate="0.25",
        change_fee={"minor": 1500, "currency": "NOK"},
        prices=[{"min_age": 0, "max_age": 2500, "price": {"minor": 9999, "currency": "NOK"}}],
    )
    order = await world.order()
    answer = await world.change(order, add(bundle, ADULT), confirm=True, payment=CARD)
    assert answer.status == 200, answer.body
    (line,) = (await world.show(order))["lines"]
    assert (line["price"], line["tax"]) == ("33.33", "3.57")
    option = (await world.send("GET", f"/v1/orders/{order}/change-options")).body
    assert '"5.00"' in str(option).replace("'", '"')


async def test_a_withdrawn_product_is_neither_offered_nor_sold_by_an_earlier_offer(world: World) -> None:
    train = odd_train(world.components.store)
    product = copy_of(world, "odd_thirty", "gone")
    bundle, order = await world.offer(product, ADULT, service=train), await world.order()
    say(world, product, withdrawn=True)
    assert await search(world, product, service=train) == []
    answer = await world.change(order, add(bundle, ADULT))
    assert (answer.status, answer.code) == (409, "NOT_OFFERED")
    assert await search(world, "odd_withdrawn", service=train) == []


async def test_a_line_of_a_withdrawn_product_may_still_be_confirmed_and_given_up(world: World) -> None:
    train = odd_train(world.components.store)
    product = copy_of(world, "odd_thirty", "gone")
    order = await world.order()
    await world.change(order, add(await world.offer(product, ADULT, service=train), ADULT))
    say(world, product, withdrawn=True)
    assert (await world.confirm(order, CARD)).status == 200
    (line,) = await world.lines(order)
    removal = {"op": "remove_lines", "lines": [line]}
    answer = await world.change(order, removal, confirm=True, refund_price_difference=True)
    assert answer.status == 200, answer.body
    assert (await world.show(order))["balance"] == "0.00"


async def test_a_lap_infant_has_no_seat_and_travels_with_somebody(world: World) -> None:
    train = world.train(coaches=1, seats=1)
    order = await world.order()
    (bundle,) = await search(world, "lap_infant", BABY, service=train)
    infant = {"op": "add_lines", "offer_bundle_id": bundle["id"], "travellers": [BABY]}
    assert bundle["total"] == "0.00"
    refused = await world.change(order, infant, confirm=True)
    assert (refused.status, refused.code) == (409, "ACCOMPANIED_ONLY")
    adult = add(await world.offer("standard", ADULT, service=train), ADULT)
    answer = await world.change(order, adult, infant, confirm=True, payment=CARD)
    assert answer.status == 200, answer.body
    assert world.seats_of(order) == [f"{train} 1-1 confirmed"]


async def test_an_adult_accompanies_as_many_as_their_price_says(world: World) -> None:
    train = odd_train(world.components.store)
    babies = [BABY | {"id": f"baby{number}"} for number in range(3)]
    order = await world.order()
    (bundle,) = await search(world, "odd_family_fare", PEOPLE[ADULT], *babies, service=train)
    wish = {"op": "add_lines", "offer_bundle_id": bundle["id"], "travellers": [PEOPLE[ADULT], *babies]}
    refused = await world.change(order, wish, confirm=True, payment=CARD)
    assert (refused.status, refused.code) == (409, "ACCOMPANIED_ONLY")
    two = wish | {"travellers": [PEOPLE[ADULT], *babies[:2]], "traveller_ids": [ADULT, "baby0", "baby1"]}
    answer = await world.change(order, two, confirm=True, payment=CARD)
    assert answer.status == 200, answer.body
    assert len(world.seats_of(order)) == 1


async def test_a_card_that_is_sold_until_it_starts_is_not_offered_afterwards(world: World) -> None:
    now = world.components.store.now()
    later, before = now + timedelta(minutes=5), now - timedelta(minutes=5)
    assert len(await search(world, "fjord_sauna", valid_from=later.isoformat())) == 1
    assert await search(world, "fjord_sauna", valid_from=before.isoformat()) == []
    assert len(await search(world, "museum_pass", valid_from=before.isoformat())) == 1
    assert await search(world, "museum_pass", valid_from=(now - timedelta(days=4)).isoformat()) == []
    assert len(await search(world, "nova_zurichcard24", valid_from="2021-10-22T10:00:00Z")) == 1


async def test_nothing_is_offered_further_ahead_than_it_is_sold(world: World) -> None:
    now = world.components.store.now()
    for product, days in (("fjord_sauna", 360), ("museum_pass", 85)):
        assert len(await search(world, product, valid_from=(now + timedelta(days=days)).isoformat())) == 1
        assert await search(world, product, valid_from=(now + timedelta(days=days + 10)).isoformat()) == []
    far = world.train(leaves_in=timedelta(days=370))
    assert await search(world, "standard", service=far) == []


async def test_a_cancelled_service_is_not_offered_and_its_lines_are_paid_back_after_its_departure(world: World) -> None:
    train = world.train()
    order = await world.sold(ADULT, train=train)
    mark_cancelled(world.components.store, TENANT, [train], cancelled=True)
    assert await search(world, "standard", service=train) == []
    (line,) = await world.lines(order)
    with world.clock_at(world.components.store.now() + timedelta(days=31)):
        answer = await world.change(order, {"op": "remove_lines", "lines": [line]}, confirm=True)
        assert answer.status == 200, answer.body
    shown = await world.show(order)
    assert (shown["total"], shown["balance"], shown["status"]) == ("0.00", "0.00", "cancelled")


async def test_a_fare_that_is_not_returnable_is_kept(world: World) -> None:
    train = odd_train(world.components.store)
    order = await world.sold(ADULT, product="odd_fixed_fare", train=train)
    (line,) = await world.lines(order)
    removal = {"op": "remove_lines", "lines": [line]}
    answer = await world.change(order, removal, confirm=True, refund_price_difference=True)
    assert (answer.status, answer.code) == (409, "NOT_RETURNABLE")


async def test_prices_of_the_awkward_catalogue_have_the_places_of_their_currency(world: World) -> None:
    train = odd_train(world.components.store)
    everybody = [PEOPLE[ADULT], PEOPLE[CHILD]]
    totals = {
        "odd_third": "66.66",
        "odd_cent_ticket": "0.02",
        "odd_free": "0.00",
        "odd_compartment": "99.99",
        "odd_family_fare": "50.00",
        "odd_jpy_105": "210",
        "odd_jpy_table": "1000",
        "odd_kwd_third": "0.666",
        "odd_kwd_fils": "0.002",
    }
    found = {product: await search(world, product, *everybody, service=train) for product in totals}
    assert {product: bundle["total"] for product, (bundle,) in found.items()} == totals
