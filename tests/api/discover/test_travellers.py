"""discover.swiss: travellers are matched by identifier, priced by age, completed later, never renamed."""

import pytest

from domain.products import GroupSize
from tests.support.discover_client import (
    DAY_CARD,
    HELMA,
    JESSIKA,
    JHON,
    THREE_DAYS,
    DiscoverClient,
    codes,
    item,
    without_names,
)
from tests.support.world import Answer, Json


async def card_for(
    market: DiscoverClient, birth: str, valid_from: str = "2021-10-22T10:00:00", **headers: str
) -> Answer:
    order = await market.order()
    return await market.add(order, item(DAY_CARD, JHON | {"birthDate": birth}, valid_from=valid_from), **headers)


@pytest.mark.parametrize(
    ("birth", "price"),
    [
        ("2006-10-22", 19.0),  # 15 today
        ("2005-10-23", 19.0),  # 16 tomorrow
        ("2005-10-22", 27.0),  # 16 today
        ("2016-10-22", 19.0),  # 5 today
    ],
)
async def test_the_age_on_the_first_day_decides_and_15_pays_the_child_price(
    market: DiscoverClient, birth: str, price: float
) -> None:
    answer = await card_for(market, birth)
    assert answer.body["orderItem"]["amountCHF"] == price


async def test_an_age_without_a_price_is_a_validation_error_and_the_old_item_is_kept(market: DiscoverClient) -> None:
    order = await market.order(item(THREE_DAYS, JHON))
    before, shown = market.world.snapshot(order), await market.item(f"{order}-1")
    answer = await market.put(f"{order}-1", item(DAY_CARD, JHON | {"birthDate": "2016-10-23"}))
    assert (answer.status, codes(answer), answer.body["orderItem"]) == (200, ["traveler_age_not_offered"], shown)
    assert answer.body["validationMessages"][0]["travelerIdentifier"] == "jhon"
    assert market.world.snapshot(order) == before


@pytest.mark.parametrize(
    ("zone", "price"),
    [
        ("UTC", 27.0),
        ("Pacific/Auckland", 27.0),
        ("America/Denver", 19.0),
        ("Mountain Standard Time", 19.0),
        ("UTC-06:00", 19.0),
        ("-6", 19.0),
    ],
)
async def test_the_first_day_is_a_day_in_the_zone_of_the_request(
    market: DiscoverClient, zone: str, price: float
) -> None:
    # 01:00 UTC on the sixteenth birthday is the evening before in the west.
    answer = await card_for(market, "2005-10-22", "2021-10-22T01:00:00Z", Accept_Timezone=zone)
    assert answer.body["orderItem"]["amountCHF"] == price


async def test_an_order_keeps_the_zone_it_was_created_in_and_a_request_may_name_another(market: DiscoverClient) -> None:
    order = await market.order(Accept_Timezone="Europe/Zurich")
    first = await market.add(order, item(DAY_CARD, JHON, valid_from="2021-10-22"))
    second = await market.add(
        order, item(DAY_CARD, JHON, valid_from="2021-10-22T00:00:00"), Accept_Timezone="Asia/Tokyo"
    )
    third = await market.add(order, item(DAY_CARD, JHON, valid_from="2021-10-22T00:00:00+05:30"))
    assert [each.body["orderItem"]["orderedItem"]["validFrom"] for each in (first, second, third)] == [
        "2021-10-21T22:00:00+00:00",
        "2021-10-21T15:00:00+00:00",
        "2021-10-21T18:30:00+00:00",
    ]


@pytest.mark.only_on("sqlite")  # no store is used
@pytest.mark.parametrize("zone", ["Mars/Olympus", "UTC+99", "../../etc/passwd", "6"])
async def test_an_unknown_zone_is_a_bad_request(market: DiscoverClient, zone: str) -> None:
    answer = await market.send("POST", "/orders", {}, Accept_Timezone=zone)
    assert (answer.status, answer.code) == (400, "HEADER_INVALID")


async def test_each_missing_name_has_a_message_and_completing_them_places_the_item(market: DiscoverClient) -> None:
    order = await market.order()
    bundle = await market.bundle(order, THREE_DAYS, *without_names(JHON, JESSIKA))
    answer = await market.add(order, {"orderQuantity": 1, "offerBundleId": bundle})
    stored = answer.body["orderItem"]
    assert (answer.status, stored["orderItemStatus"], stored["orderItemNumber"]) == (
        200,
        "ValidationError",
        f"{order}-1",
    )
    messages = [
        (m["level"], m["source"], m["orderItemNumber"], m["code"], m["travelerIdentifier"]) for m in messages_of(answer)
    ]
    assert sorted(messages) == sorted(
        ("ValidationError", "orderedItem", f"{order}-1", code, traveller)
        for traveller in ("jhon", "jessika")
        for code in ("traveler_given_name_absent", "traveler_family_name_absent")
    )
    assert (await market.show(order))["orderStatus"] == "Checkout"
    assert messages_of(await market.send("GET", f"/orders/{order}")) == messages_of(answer)
    partly = await market.put(f"{order}-1", with_travellers(bundle, JESSIKA))
    assert {m["travelerIdentifier"] for m in messages_of(partly)} == {"jhon"}
    # In another sequence than they were searched in: travellers are matched by identifier.
    whole = await market.put(f"{order}-1", with_travellers(bundle, JESSIKA, JHON))
    found = whole.body["orderItem"]
    assert (codes(whole), found["orderItemStatus"], found["amount"], found["taxCHF"]) == ([], "Placed", 106.0, 8.162)
    names = {each["identifier"]: each["familyName"] for each in found["orderedItem"]["traveler"]}
    assert names == {"jhon": "Jhon", "jessika": "Jessika"}
    assert (await market.show(order))["orderStatus"] == "Placed"


async def test_a_birth_date_the_bundle_was_priced_on_is_kept_with_a_warning(market: DiscoverClient) -> None:
    order = await market.order(item(THREE_DAYS, JHON))
    bundle = (await market.item(f"{order}-1"))["offerBundleId"]
    before = market.world.snapshot(order)
    answer = await market.put(f"{order}-1", with_travellers(bundle, JHON | {"birthDate": "2015-01-01"}))
    (message,) = messages_of(answer)
    assert (message["level"], message["field"], message["travelerIdentifier"]) == ("Warning", "birthDate", "jhon")
    assert (answer.status, market.world.snapshot(order)) == (200, before)
    other = await market.bundle(order, DAY_CARD, JHON)
    swapped = await market.put(f"{order}-1", with_travellers(other, JHON | {"birthDate": "2015-01-01"}))
    assert (swapped.body["orderItem"]["amount"], [m["field"] for m in messages_of(swapped)]) == (27.0, ["birthDate"])


async def test_an_identifier_cannot_be_changed_and_the_attempt_has_a_warning(market: DiscoverClient) -> None:
    order = await market.order(item(THREE_DAYS, JHON))
    bundle = (await market.item(f"{order}-1"))["offerBundleId"]
    before = market.world.snapshot(order)
    answer = await market.put(f"{order}-1", with_travellers(bundle, JHON | {"identifier": "john"}))
    (message,) = messages_of(answer)
    assert (message["level"], message["field"]) == ("Warning", "identifier")
    assert answer.body["orderItem"]["orderedItem"]["traveler"][0]["identifier"] == "jhon"
    assert market.world.snapshot(order) == before


async def test_id_is_not_identifier_and_a_generated_one_stays_when_a_name_is_corrected(market: DiscoverClient) -> None:
    nameless = [{"id": "me", "birthDate": "2000-02-18", "givenName": "Helma", "familyName": "Lovres"}]
    order = await market.order(item(DAY_CARD, *nameless))
    (traveller,) = (await market.item(f"{order}-1"))["orderedItem"]["traveler"]
    generated = traveller["identifier"]
    assert generated != "me"
    corrected = nameless[0] | {"familyName": "Lovers"}
    for body in (
        with_travellers((await market.item(f"{order}-1"))["offerBundleId"], corrected),
        {"orderedItem": {"traveler": [corrected]}},
        item(THREE_DAYS, corrected),
        item(DAY_CARD, {"identifier": generated, "familyName": "Lovers-Li"}),
    ):
        answer = await market.put(f"{order}-1", body)
        (found,) = answer.body["orderItem"]["orderedItem"]["traveler"]
        assert (codes(answer), found["identifier"]) == ([], generated)
    assert found["familyName"] == "Lovers-Li"


async def test_a_new_configuration_may_correct_a_birth_date_and_is_priced_on_it(market: DiscoverClient) -> None:
    order = await market.order(item(DAY_CARD, HELMA))
    answer = await market.put(f"{order}-1", item(DAY_CARD, HELMA | {"birthDate": "2012-02-18"}))
    (found,) = answer.body["orderItem"]["orderedItem"]["traveler"]
    assert (codes(answer), found["birthDate"], found["priceCHF"]) == ([], "2012-02-18T00:00:00", 19.0)


@pytest.mark.parametrize(("number", "status"), [(0, 400), (1, 200), (30, 200), (31, 400), ("2", 400), (-1, 400)])
async def test_one_to_thirty_travellers(market: DiscoverClient, number: object, status: int) -> None:
    product = market.product(fields_for_offer=(), fields_for_order=(), group=GroupSize(smallest=1, largest=30))
    order = await market.order()
    before = market.world.rows()
    answer = await market.add(order, item(product, numberOfTravelers=number))
    assert answer.status == status
    if status == 200:
        assert len(answer.body["orderItem"]["orderedItem"]["traveler"]) == number
    else:
        assert (answer.code, market.world.rows()) == ("MEMBER_INVALID", before)


async def test_listed_travellers_override_number_of_travelers(market: DiscoverClient) -> None:
    order = await market.order()
    answer = await market.add(order, item(DAY_CARD, JHON, numberOfTravelers=30))
    assert [(m["level"], m["code"]) for m in messages_of(answer)] == [("Warning", "number_of_travelers_ignored")]
    assert answer.body["orderItem"]["amount"] == 27.0


async def test_details_are_kept_as_discover_swiss_spells_them(market: DiscoverClient) -> None:
    order = await market.order()
    details = {"gender": "FEMALE", "Nationality": "ch", "Passport": "no passport", "salutation": "Mrs."}
    answer = await market.add(order, item(DAY_CARD, HELMA | details | {"birthDate": "2000-02-18T15:00:00"}))
    (found,) = answer.body["orderItem"]["orderedItem"]["traveler"]
    assert found == HELMA | {
        "priceCHF": 27.0,
        "birthDate": "2000-02-18T00:00:00",
        "gender": "Female",
        "nationality": "CH",
        "passport": "no passport",
        "salutation": "Mrs",
    }


def with_travellers(bundle: str, *travellers: Json) -> Json:
    return {"orderQuantity": 1, "offerBundleId": bundle, "orderedItem": {"traveler": list(travellers)}}


def messages_of(answer: Answer) -> list[Json]:
    messages: list[Json] = answer.body["validationMessages"]
    return messages
