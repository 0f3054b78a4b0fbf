"""Entur: add reservable offers to an order."""

import asyncio
from datetime import datetime, timedelta

import pytest

from cli.faults.injection import Fault
from domain.access import TenantAccess
from domain.offers import Offer
from domain.operations import MAX_TRAVELLERS
from store.orders import offer_bundles
from store.tables import BundleRow
from temporal.names import StepName
from tests.support.canary import ADULT, CHILD, THIRD
from tests.support.entur_client import EnturClient, new_key
from tests.support.world import TENANT, Json

UNKNOWN = "00000000-0000-4000-8000-000000000000"
MEMBERS = {"orderId", "orderLineIds", "reservationIds", "replacedByOrderLineIds"}
REF = {"id": "ENT:Thing:1", "version": "ENT:1"}


async def test_without_an_order_id_a_new_order_is_created(sales: EnturClient) -> None:
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    before = sales.world.components.store.now()
    answer = await sales.reserve({"offerId": offer})
    after = sales.world.components.store.now()
    assert (answer.status, set(answer.body), answer.body["replacedByOrderLineIds"]) == (200, MEMBERS, [])
    shown = await sales.show(answer.body["orderId"])
    assert (shown["version"], shown["status"], shown["balance"]) == (1, "DRAFT", "299.00")
    assert (shown["distributionChannelId"], shown["pos"]) == ("WAY:DistributionChannel:App", "Kjøkkenbordet")
    ends = datetime.fromisoformat(shown["expireAt"]) - timedelta(minutes=20)
    assert before <= ends <= after


async def test_the_same_key_makes_one_order_and_another_body_is_refused(sales: EnturClient) -> None:
    train = sales.world.train()
    offer = await sales.offer("standard", ADULT, service=train)
    key = new_key()
    first = await sales.reserve({"offerId": offer}, Idempotency_Key=key)
    again = await sales.reserve({"offerId": offer}, Idempotency_Key=key)
    assert (again.status, again.body) == (200, first.body)
    assert len(sales.world.seats_of(first.body["orderId"])) == 1
    other = await sales.reserve({"offerId": offer, "count": 2}, Idempotency_Key=key)
    assert (other.status, other.code) == (422, "IDEMPOTENCY_MISMATCH")


async def test_an_unknown_order_or_offer_is_404_and_nothing_is_created(sales: EnturClient) -> None:
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    for order in ("26-999999999", "ABCD1234"):
        answer = await sales.reserve({"offerId": offer}, order=order)
        assert (answer.status, answer.code) == (404, "ORDER_NOT_FOUND")
    answer = await sales.reserve({"offerId": UNKNOWN})
    assert (answer.status, answer.code) == (404, "OFFER_NOT_FOUND")


async def test_an_offer_id_is_the_same_in_either_case(sales: EnturClient) -> None:
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    assert (await sales.reserve({"offerId": offer.upper()})).status == 200


async def test_a_regular_product_makes_one_line_for_each_traveller(sales: EnturClient) -> None:
    offer = await sales.offer("standard", ADULT, CHILD, THIRD, service=sales.world.train())
    answer = await sales.reserve({"offerId": offer, "selectedTravellerIds": []})
    assert (len(answer.body["orderLineIds"]), len(answer.body["reservationIds"])) == (3, 3)
    lines = (await sales.show(answer.body["orderId"]))["orderLines"]
    assert [line["travellers"] for line in lines] == [[ADULT], [CHILD], [THIRD]]
    assert [line["price"]["amount"] for line in lines] == ["299.00", "149.50", "299.00"]


async def test_a_group_product_makes_exactly_one_line(sales: EnturClient) -> None:
    travellers = [{"id": f"g{number}"} for number in range(4)]
    offer = await sales.offer_for("compartment", travellers, sales.world.train())
    answer = await sales.reserve({"offerId": offer})
    (line,) = (await sales.show(answer.body["orderId"]))["orderLines"]
    assert (line["id"], len(line["travellers"])) == (answer.body["orderLineIds"][0], 4)
    assert len(answer.body["reservationIds"]) == 4


async def test_more_travellers_than_a_compartment_takes_are_a_bad_request(sales: EnturClient) -> None:
    travellers = [{"id": f"g{number}"} for number in range(6)]
    offer = await sales.offer_for("compartment", travellers, sales.world.train())
    _narrow(sales, offer, largest=5)
    answer = await sales.reserve({"offerId": offer})
    assert (answer.status, answer.code) == (400, "TRAVELLER_COUNT_OUT_OF_RANGE")
    fewer = await sales.reserve({"offerId": offer, "selectedTravellerIds": ["g0", "g1"]})
    assert fewer.status == 200


def _narrow(sales: EnturClient, offer: str, *, largest: int) -> None:
    """Reduce an offer's group size below the number of its travellers, as another catalogue may."""
    store = sales.world.components.store
    with store.for_tenant(TenantAccess(TENANT)).read() as tx:
        bundle = offer_bundles.of_offers(tx, [offer])[offer]
    with store.write() as tx:
        offers: list[Offer] = [each.model_copy(update={"largest": largest}) for each in bundle.offers]
        row = tx.get_one(BundleRow, bundle.id)
        row.document = bundle.model_copy(update={"offers": tuple(offers)}).model_dump_json()
        tx.add(row)


async def test_only_the_selected_travellers_get_lines_and_strangers_are_a_bad_request(sales: EnturClient) -> None:
    offer = await sales.offer("standard", ADULT, CHILD, service=sales.world.train())
    answer = await sales.reserve({"offerId": offer, "selectedTravellerIds": [CHILD]})
    assert [line["travellers"] for line in (await sales.show(answer.body["orderId"]))["orderLines"]] == [[CHILD]]
    order = answer.body["orderId"]
    before = sales.world.snapshot(order)
    refused = await sales.reserve({"offerId": offer, "selectedTravellerIds": ["a-stranger"]}, order=order)
    assert (refused.status, refused.code) == (400, "TRAVELLER_NOT_IN_OFFER")
    assert sales.world.snapshot(order) == before


async def test_a_refused_first_request_leaves_no_order_behind(sales: EnturClient) -> None:
    train = sales.world.train(coaches=1, seats=1)
    offer = await sales.offer("standard", ADULT, CHILD, service=train)
    refused = await sales.reserve({"offerId": offer})
    assert (refused.status, refused.code) == (409, "SOLD_OUT")
    order = (await sales.world.send("GET", f"/v1/changes/{refused.change}")).body["order_number"]
    for path in (f"/v1/orders/{order}", f"/v1/orders/{order}/history"):
        assert (await sales.world.send("GET", path)).code == "ORDER_NOT_FOUND"
    assert (await sales.send("GET", f"/v1/orders/{order}")).code == "ORDER_NOT_FOUND"
    assert sales.world.seats_of(order) == []


async def test_count_alone_gives_that_many_lines(sales: EnturClient) -> None:
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    three = await sales.reserve({"offerId": offer, "count": 3})
    assert (len(three.body["orderLineIds"]), len(three.body["reservationIds"])) == (3, 3)
    one = await sales.reserve({"offerId": offer, "count": 1})
    assert len(one.body["orderLineIds"]) == 1


@pytest.mark.parametrize("count", [0, -1, "2", 1.5, True, MAX_TRAVELLERS + 1])
async def test_a_count_is_a_small_whole_number(sales: EnturClient, count: object) -> None:
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    answer = await sales.reserve({"offerId": offer, "count": count})
    assert (answer.status, answer.code) == (400, "MEMBER_INVALID")
    assert answer.body["errors"][0]["pointer"] == "/offerConfigurations/0/count"


async def test_a_count_of_one_beside_chosen_travellers_says_nothing(sales: EnturClient) -> None:
    offer = await sales.offer("standard", ADULT, CHILD, service=sales.world.train())
    for chosen in ([ADULT, CHILD], [CHILD]):
        answer = await sales.reserve({"offerId": offer, "count": 1, "selectedTravellerIds": chosen})
        assert (answer.status, len(answer.body["orderLineIds"])) == (200, len(chosen)), answer.body


async def test_members_that_are_unknown_are_ignored_at_any_depth(sales: EnturClient) -> None:
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    customer = {"customerId": "C-1", "entitlements": [], "loyalty": "gold"}
    body = {"offerConfigurations": [{"offerId": offer, "customers": [customer], "colour": "red"}], "experimental": [1]}
    answer = await sales.send("POST", "/v1/reserve-offers", body)
    assert answer.status == 200, answer.body
    (line,) = (await sales.show(answer.body["orderId"]))["orderLines"]
    assert line["customers"] == [{"customerId": "C-1", "entitlements": []}]
    key = new_key()
    first = await sales.send("POST", "/v1/reserve-offers", body, Idempotency_Key=key)
    again = await sales.send("POST", "/v1/reserve-offers", body | {"experimental": [2]}, Idempotency_Key=key)
    assert (again.status, again.body) == (200, first.body)


async def test_count_cannot_be_combined_with_travellers_or_a_line(sales: EnturClient) -> None:
    order, (line,) = await sales.sold(ADULT)
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    both = await sales.reserve({"offerId": offer, "count": 2, "selectedTravellerIds": [ADULT]}, order=order)
    assert (both.status, both.code) == (400, "COUNT_WITH_TRAVELLERS")
    with_line = await sales.reserve({"offerId": offer, "count": 2, "orderLineId": line}, order=order)
    assert (with_line.status, with_line.code) == (400, "COUNT_WITH_LINE")
    replaced = await sales.reserve({"offerId": offer, "count": 1, "orderLineId": line}, order=order)
    assert replaced.body["replacedByOrderLineIds"] == [
        {"originalOrderLineIds": [line], "replacedByOrderLineIds": replaced.body["orderLineIds"]}
    ]


async def test_customers_references_and_distribution_are_stored_and_returned(sales: EnturClient) -> None:
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    customers: list[Json] = [
        {
            "customerId": "C-77",
            "entitlements": [{"contractId": UNKNOWN, "entitlementProductRef": REF, "externalEntitlementRef": None}],
        },
        {"customerId": "C-78", "entitlements": []},
    ]
    details = {
        "fulfillmentMethodRef": REF,
        "typeOfTravelDocumentToIssueRef": {"id": "ENT:Doc:2", "version": None},
        "customerAccountRef": None,
    }
    configuration = {
        "offerId": offer,
        "customers": customers,
        "distributionDetails": details,
        "externalReference": "K-1",
    }
    answer = await sales.reserve(configuration | {"customerIds": ["C-79"], "customerEntitlement": None})
    (line,) = (await sales.show(answer.body["orderId"]))["orderLines"]
    assert line["customers"] == [*customers, {"customerId": "C-79", "entitlements": []}]
    assert (line["distributionDetails"], line["externalReference"]) == (details, "K-1")


async def test_supplements_of_an_offer_are_added_as_lines(sales: EnturClient) -> None:
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    answer = await sales.reserve({"offerId": offer, "selectableProductIds": ["standard", "MEAL", "MEAL"]})
    shown = await sales.show(answer.body["orderId"])
    assert [line["product"] for line in shown["orderLines"]] == ["standard", "MEAL", "MEAL"]
    assert shown["totalAmount"] == "477.00"


@pytest.mark.parametrize(
    ("products", "code"),
    [
        (["standard", "standard"], "DUPLICATE_PRODUCT"),
        (["SEAT_RESERVATION", "SEAT_RESERVATION"], "SEATING_CHANGE_NOT_SUPPORTED"),
        (["UPGRADE"], "SEATING_CHANGE_NOT_SUPPORTED"),
        (["frt567"], "SUPPLEMENT_NOT_OFFERED"),
    ],
)
async def test_products_that_cannot_be_selected_together_are_a_bad_request(
    sales: EnturClient, products: list[str], code: str
) -> None:
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    answer = await sales.reserve({"offerId": offer, "selectableProductIds": products})
    assert (answer.status, answer.code) == (400, code)


@pytest.mark.parametrize(
    "more",
    [
        {"selectableProductIds": ["MEAL"] * 51},
        {"selectedTravellerIds": [f"t{number}" for number in range(51)]},
        {"customers": [{"customerId": "C"}] * 30, "customerIds": ["C"] * 30},
        {"customers": [{"customerId": "C", "entitlements": [{"entitlementProductRef": REF}] * 51}]},
        {"customerEntitlement": {"entitlementProductRef": REF}},
    ],
    ids="-".join,
)
async def test_more_than_one_line_can_hold_is_a_bad_request(sales: EnturClient, more: Json) -> None:
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    answer = await sales.reserve({"offerId": offer} | more)
    assert (answer.status, answer.code) == (400, "MEMBER_INVALID")


async def test_a_request_for_an_order_whose_creation_is_refused_meanwhile_creates_a_visible_order(
    sales: EnturClient,
) -> None:
    full = sales.world.train(coaches=1, seats=1)
    offer, free = (
        await sales.offer("standard", ADULT, CHILD, service=full),
        await sales.offer("standard", ADULT, service=sales.world.train()),
    )
    # The next order's number is predictable: a second request uses it while the first is paused.
    last = (await sales.reserve({"offerId": free})).body["orderId"]
    number = f"{last[:3]}{int(last[3:]) + 1}"
    armed = sales.world.faults.arm(number, StepName.RESERVE_SEATS, Fault.PAUSED)
    first = asyncio.create_task(sales.reserve({"offerId": offer}))
    await armed.reached.wait()
    second = asyncio.create_task(sales.reserve({"offerId": free}, order=number))
    await sales.world.wait_until_queued(number, 1)
    armed.go_on.set()
    assert ((await first).code, (await second).status) == ("SOLD_OUT", 200)
    assert len((await sales.show(number))["orderLines"]) == 1


@pytest.mark.only_on("sqlite")  # no store is used
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/offerConfigurations"),
        ({"offerConfigurations": []}, "/offerConfigurations"),
        ({"offerConfigurations": [{}]}, "/offerConfigurations/0/offerId"),
        ({"offerConfigurations": [{"offerId": "not-a-uuid"}]}, "/offerConfigurations/0/offerId"),
        (
            {"offerConfigurations": [{"offerId": UNKNOWN, "customers": [{}]}]},
            "/offerConfigurations/0/customers/0/customerId",
        ),
        ({"orderId": 7, "offerConfigurations": [{"offerId": UNKNOWN}]}, "/orderId"),
    ],
    ids=str,
)
async def test_a_missing_or_wrong_member_is_named_by_its_pointer(sales: EnturClient, body: Json, pointer: str) -> None:
    answer = await sales.send("POST", "/v1/reserve-offers", body)
    assert (answer.status, answer.code) == (400, "MEMBER_INVALID")
    assert answer.body["errors"][0]["pointer"] == pointer
    assert pointer in answer.body["message"]
