"""Entur: configurations that replace the same lines by one group offer are one group."""

import pytest

from api.entur.groups import Wish, join_groups
from tests.api.entur.test_update import config
from tests.domain.makers import bundle
from tests.support.canary import ADULT, CHILD
from tests.support.entur_client import EnturClient


async def two_on_one_train(sales: EnturClient) -> tuple[str, list[str], str]:
    """Sell two tickets; return the order, its lines, and an offer of a compartment for both on the same train."""
    train = sales.world.train()
    order, lines = await sales.sold(ADULT, CHILD, product="flexible", train=train)
    return order, lines, await sales.offer_for("compartment", [{"id": ADULT}, {"id": CHILD}], train)


@pytest.mark.parametrize("named", [True, False], ids=["each names one", "nobody is named"])
async def test_two_configurations_for_one_group_offer_are_one_line_for_both(sales: EnturClient, *, named: bool) -> None:
    order, lines, offer = await two_on_one_train(sales)
    configurations = [
        config(offer, line, *lines, **({"selectedTravellerIds": [traveller]} if named else {}))
        for line, traveller in zip(lines, (ADULT, CHILD), strict=True)
    ]
    answer = await sales.update(order, *configurations)
    assert answer.status == 200, answer.body
    (line,) = answer.body["orderLineIds"]
    assert answer.body["replacedByOrderLineIds"] == [
        {"originalOrderLineIds": sorted(lines), "replacedByOrderLineIds": [line]}
    ]
    (shown,) = (await sales.show(order))["orderLines"]
    assert (shown["product"], sorted(shown["travellers"])) == ("compartment", sorted([ADULT, CHILD]))


async def test_a_meal_chosen_by_one_configuration_is_for_its_traveller(sales: EnturClient) -> None:
    order, lines, offer = await two_on_one_train(sales)
    answer = await sales.update(
        order,
        config(offer, lines[0], *lines, selectedTravellerIds=[ADULT], selectableProductIds=["compartment", "MEAL"]),
        config(offer, lines[1], *lines, selectedTravellerIds=[CHILD], selectableProductIds=["compartment"]),
    )
    assert answer.status == 200, answer.body
    meal = next(each for each in (await sales.show(order))["orderLines"] if each["product"] == "MEAL")
    assert meal["travellers"] == [ADULT]


def test_more_travellers_than_one_group_may_hold_stay_several_groups() -> None:
    offered = bundle("b", "compartment", "morning", "ann", "bob", "cat")
    (offer,) = offered.offers
    wishes = [_wish(offer.id, "ann", "bob"), _wish(offer.id, "cat")]
    for largest, groups in ((3, [("ann", "bob", "cat")]), (2, [("ann", "bob"), ("cat",)])):
        bundles = {offer.id: offered.model_copy(update={"offers": (offer.model_copy(update={"largest": largest}),)})}
        assert [each["traveller_ids"] for each in join_groups(wishes, bundles)] == groups


def test_offers_of_products_that_are_no_group_stay_apart() -> None:
    offered = bundle("b", "standard", "morning", "ann", "bob")
    wishes = [_wish("b-offer", "ann"), _wish("b-offer", "bob")]
    assert join_groups(wishes, {"b-offer": offered}) == wishes


def _wish(offer: str, *travellers: str) -> Wish:
    empty: Wish = {"supplements": (), "customers": (), "external_reference": None, "distribution": None}
    return empty | {"offer_bundle_id": "b", "offer_id": offer, "traveller_ids": travellers}


async def test_two_references_for_one_group_are_refused(sales: EnturClient) -> None:
    order, lines, offer = await two_on_one_train(sales)
    before = sales.world.snapshot(order)
    answer = await sales.update(
        order,
        config(offer, lines[0], *lines, selectedTravellerIds=[ADULT], externalReference="K-1"),
        config(offer, lines[1], *lines, selectedTravellerIds=[CHILD], externalReference="K-2"),
    )
    assert (answer.status, answer.code) == (400, "MEMBER_INVALID")
    assert "externalReference" in answer.body["message"]
    assert sales.world.snapshot(order) == before
