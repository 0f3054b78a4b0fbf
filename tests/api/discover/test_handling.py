"""discover.swiss: parsing of requests, idempotency keys, the request queue, expiry of bundles, strict mode."""

import asyncio
import json
from datetime import datetime, timedelta, timezone

import pytest
from sqlmodel import select

from api.settings import DiscoverSettings
from cli.faults.injection import Armed, Fault
from domain.offers import OfferBundle
from store.orders import offer_bundles
from store.tables import BundleRow
from temporal.names import StepName
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
from tests.support.world import CARD, TENANT, Answer, Json

OUT_OF_STATE = ["order-not-in-state-to-use-move-to"]


async def test_names_are_matched_without_case_and_unknown_ones_ignored(market: DiscoverClient) -> None:
    traveller = {name.upper(): value for name, value in JHON.items()} | {"shoeSize": 43, "reduction": "bc50"}
    configuration = {
        "PRODUCT": {"Identifier": DAY_CARD, "colour": "red"},
        "ValidFrom": "2021-10-22",
        "TRAVELER": [traveller],
    }
    answer = await market.send(
        "POST", "/Orders".lower(), {"ORDEREDITEM": [{"ordereditem": configuration}], "Customer": {}}
    )
    assert (answer.status, codes(answer), answer.body["order"]["totalAmount"]) == (200, [], 27.0)


BAD: list[Json] = [
    {"orderedItem": {"validUntil": "2021-10-23", "duration": "P1D"}},
    {"orderedItem": {"validFrom": 0}},
    {"orderedItem": {"validFrom": "tomorrow"}},
    {"orderedItem": {"validFrom": "2021-02-30"}},
    {"orderedItem": {"validFrom": "0001-01-01T00:00:00+14:00"}},
    {"orderedItem": {"traveler": [{"identifier": "a", "birthDate": "18.02.1980"}]}},
    {"orderedItem": {"traveler": [{"identifier": "a b"}]}},
    {"orderedItem": {"traveler": [{"identifier": "a"}, {"Identifier": "a"}]}},
    {"orderedItem": {"traveler": [{"identifier": "a", "IDENTIFIER": "b"}]}},
    {"orderedItem": {"traveler": [{"nationality": "Schweiz"}]}},
    {"orderedItem": {"traveler": [{"givenName": "\u202egnp"}]}},
    {"orderedItem": {"traveler": [{"birthDate": "1980-02-18"}] * 31}},
    {"orderedItem": {"traveler": {}}},
    {"orderedItem": []},
    {"orderQuantity": "1"},
    {"orderQuantity": 1.5},
    {"offerBundleId": 7},
]


@pytest.mark.parametrize("body", BAD, ids=lambda value: str(value)[:70])
async def test_what_cannot_be_read_is_a_bad_request_and_nothing_is_changed(market: DiscoverClient, body: Json) -> None:
    order = await market.order(item(DAY_CARD, JHON))
    before, rows = market.world.snapshot(order), market.world.rows()
    answer = await market.put(f"{order}-1", item(DAY_CARD) | body)
    assert (answer.status, answer.code) == (400, "MEMBER_INVALID")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (market.world.snapshot(order), market.world.rows()) == (before, rows)


async def test_one_end_of_validity_is_taken(market: DiscoverClient) -> None:
    order = await market.order()
    for one in ({"validUntil": "2021-10-23T10:00:00"}, {"duration": "P1D"}, {"validUntil": None, "duration": "P1D"}):
        answer = await market.add(order, item(DAY_CARD, JHON, **one))
        assert (answer.status, codes(answer)) == (200, [])


async def test_a_strict_installation_answers_400_with_the_same_body(market: DiscoverClient) -> None:
    async with market.world.with_api(discover=DiscoverSettings(base_path="/strict/v1", strict=True)) as world:
        strict = DiscoverClient(world, "/strict/v1")
        order = await strict.order()
        nameless = item(DAY_CARD, *without_names(JHON))
        stored = await strict.add(order, nameless)
        assert (stored.status, len(codes(stored))) == (400, 2)
        assert stored.body["orderItem"]["orderItemNumber"] == f"{order}-1"
        refused = await strict.put(f"{order}-1", item("nova_basel", JHON))
        assert (refused.status, codes(refused)) == (400, ["orderitem_product_incorrect"])
        warned = await strict.put(f"{order}-1", item(DAY_CARD, JHON, numberOfTravelers=2))
        assert (warned.status, codes(warned)) == (200, ["number_of_travelers_ignored"])
        await strict.add(order, item(DAY_CARD, *without_names(HELMA)))
        looked = await strict.send("GET", f"/orders/{order}")
        assert (looked.status, len(codes(looked))) == (200, 2)
        searched = await strict.send("POST", f"/orders/{order}/offers", item("nova_basel", JHON)["orderedItem"])
        assert (searched.status, codes(searched)) == (400, ["orderitem_product_incorrect"])
        assert (await market.send("GET", f"/orders/{order}")).status == 200
        assert (await strict.send("GET", "/../b2bmarket/v1/orders/1")).status == 404


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(hours=-6), timedelta(hours=14)])
async def test_a_bundle_is_refused_at_the_instant_it_expires_and_taken_a_second_before(
    market: DiscoverClient, offset: timedelta
) -> None:
    order = await market.order(item(THREE_DAYS, JHON))
    bundle = await market.bundle(order, DAY_CARD, JHON)
    expires = rewrite_expiry(market, bundle, offset)
    before, shown = market.world.snapshot(order), await market.item(f"{order}-1")
    with market.world.clock_at(expires):
        answer = await market.put(f"{order}-1", {"offerBundleId": bundle})
    assert (answer.status, codes(answer), answer.body["orderItem"]) == (200, ["offer_expired"], shown)
    assert market.world.snapshot(order) == before
    with market.world.clock_at(expires - timedelta(seconds=1)):
        answer = await market.put(f"{order}-1", {"offerBundleId": bundle})
    assert (answer.status, codes(answer), answer.body["orderItem"]["offerBundleId"]) == (200, [], bundle)


def rewrite_expiry(market: DiscoverClient, bundle: str, offset: timedelta) -> datetime:
    """Store a bundle's expiry with another UTC offset but the same instant; return the expiry."""
    with market.world.components.store.write() as tx:
        row = tx.exec(select(BundleRow).where(BundleRow.id == bundle)).one()
        bundle_ = OfferBundle.model_validate_json(row.document)
        rewritten = bundle_.expires_at.astimezone(timezone(offset)).isoformat()
        row.document = json.dumps(json.loads(row.document) | {"expires_at": rewritten})
        tx.add(row)
        return bundle_.expires_at


async def test_the_first_of_its_offers_ends_an_order(market: DiscoverClient) -> None:
    order = await market.order(item(DAY_CARD, JHON))
    first = await market.item(f"{order}-1")
    await market.add(order, item(DAY_CARD, HELMA))
    with market.world.components.store.read() as tx:
        bundle = offer_bundles.find(tx, TENANT, [first["offerBundleId"]])[first["offerBundleId"]]
    expires = (await market.show(order))["expiresAt"]
    assert expires == bundle.expires_at.replace(microsecond=0).isoformat()
    assert (await market.world.show(order))["expires_at"][:19] == expires[:19]


async def test_the_same_key_is_one_request_even_when_its_offer_is_gone(market: DiscoverClient) -> None:
    created = [
        await market.send("POST", "/orders", {"orderedItem": [item(DAY_CARD, JHON)]}, Idempotency_Key="k1")
        for _ in "12"
    ]
    assert created[0].body == created[1].body
    order = created[0].body["order"]["orderNumber"]
    assert [each["orderItemNumber"] for each in (await market.show(order))["orderedItem"]] == [f"{order}-1"]
    bundle = await market.bundle(order, THREE_DAYS, JESSIKA)
    added = [await market.add(order, {"offerBundleId": bundle}, Idempotency_Key="k2") for _ in "12"]
    assert added[0].body == added[1].body
    assert added[1].headers["idempotency-replayed"] == "true"
    other = await market.add(order, {"offerBundleId": bundle, "orderQuantity": 1}, Idempotency_Key="k2")
    assert (other.status, other.code) == (422, "IDEMPOTENCY_MISMATCH")
    product = market.product()
    first = await market.put(f"{order}-1", item(product, JHON), Idempotency_Key="k3")
    market.withdraw(product)
    again = await market.put(f"{order}-1", item(product, JHON), Idempotency_Key="k3")
    assert codes(first) == codes(again) == []


async def test_concurrent_updates_run_one_after_another(market: DiscoverClient) -> None:
    product, service, departs = market.panorama(seats=1)
    order = await market.order(item(DAY_CARD, JHON))
    body = item(product, JHON, valid_from=departs)
    answers = await asyncio.gather(*(market.put(f"{order}-1", body) for _ in range(4)))
    assert [(each.status, codes(each)) for each in answers] == [(200, [])] * 4
    assert market.world.seats_of(order) == [f"{service} 1-1 held"]
    assert len((await market.show(order))["orderedItem"]) == 1


async def test_a_request_that_times_out_in_the_queue_is_423_and_never_runs_later(market: DiscoverClient) -> None:
    order, confirmed, armed = await start_confirmation(market)
    waiting = [asyncio.create_task(market.add(order, item(DAY_CARD, HELMA))) for _ in range(6)]
    async with market.world.with_short_submit_timeout() as with_short_timeout:
        await market.world.wait_until_queued(order, 6)
        seventh = await DiscoverClient(with_short_timeout).add(order, item(DAY_CARD, JESSIKA))
    assert (seventh.status, seventh.code) == (423, "ORDER_BUSY")
    assert "retry-after" in seventh.headers
    armed.go_on.set()
    assert (await confirmed).status == 200
    # The order is paid when they leave the queue: its state is checked then, not when a request arrives.
    assert [(answer.status, codes(answer)) for answer in [await each for each in waiting]] == [(200, OUT_OF_STATE)] * 6
    assert len((await market.show(order))["orderedItem"]) == 1


async def test_a_request_still_running_after_its_wait_is_202_with_the_present_item(market: DiscoverClient) -> None:
    order, confirmed, armed = await start_confirmation(market)
    shown = await market.item(f"{order}-1")
    answer = await market.put(f"{order}-1", item(THREE_DAYS, JHON), Prefer="wait=1")
    assert (answer.status, answer.body) == (202, {"orderItem": shown, "validationMessages": []})
    armed.go_on.set()
    assert (await confirmed).status == 200
    late = await market.put(f"{order}-1", {"orderQuantity": 1})
    assert (codes(late), (await market.world.send("GET", answer.headers["location"])).body["state"]) == (
        OUT_OF_STATE,
        "refused",
    )


async def start_confirmation(market: DiscoverClient) -> tuple[str, "asyncio.Task[Answer]", Armed]:
    """Return an order whose confirmation blocks the queue until `armed.go_on` is set."""
    order = await market.order(item(DAY_CARD, JHON))
    armed = market.world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.HELD)
    confirmed = asyncio.create_task(market.world.confirm(order, CARD))
    await asyncio.wait_for(armed.reached.wait(), 20)
    return order, confirmed, armed


async def test_a_full_train_is_refused_and_the_item_stays(market: DiscoverClient) -> None:
    product, _, departs = market.panorama(seats=1)
    order = await market.order(item(DAY_CARD, JHON, JESSIKA))
    before, shown = market.world.snapshot(order), await market.item(f"{order}-1")
    answer = await market.put(f"{order}-1", item(product, JHON, JESSIKA, valid_from=departs))
    assert (answer.status, codes(answer), answer.body["orderItem"]) == (200, ["sold_out"], shown)
    assert market.world.snapshot(order) == before


async def test_a_step_that_fails_is_undone_and_returns_a_problem(market: DiscoverClient) -> None:
    order = await market.order(item(DAY_CARD, JHON))
    before = market.world.snapshot(order)
    market.world.faults.arm(order, StepName.SWAP_OFFER_BUNDLE, Fault.BROKEN)
    answer = await market.put(f"{order}-1", item(THREE_DAYS, JHON))
    assert (answer.status, answer.code) == (500, "STEP_FAILED")
    assert market.world.snapshot(order) == before


async def test_if_match_is_compared_when_the_request_leaves_the_queue(market: DiscoverClient) -> None:
    order = await market.order(item(DAY_CARD, JHON))
    tag = (await market.send("GET", f"/orders/{order}")).headers["etag"]
    first = await market.put(f"{order}-1", item(THREE_DAYS, JHON), If_Match=tag)
    stale = await market.put(f"{order}-1", item(DAY_CARD, JHON), If_Match=tag)
    assert (first.status, stale.status, stale.code) == (200, 412, "STALE_ORDER")
