"""Setting a position changes only what differs from the request."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from domain.offers import OfferBundle
from domain.orders import Order, OrderStatus
from domain.planning.plan import Plan
from domain.planning.plan_change import plan_change
from domain.refusals import (
    AlreadyConfirmed,
    LineNotFound,
    LineRemoved,
    LinesOverlap,
    OfferNotFound,
    OfferTaken,
    Refusal,
    TravellerDiffers,
)
from domain.traveller_rules import FIELD_FROZEN
from tests.domain.makers import NOW, NUMBER, bundle, catalogue_slice, change_request, line, order

A, B = "ann", "bob"
DRAFT: dict[str, Any] = {"confirmed": 0, "version": 1}


def planned(on: Order, *operations: Mapping[str, Any], bundles: tuple[OfferBundle, ...] = (), **more: Any) -> Plan:
    return plan_change(on, change_request(*operations, **more), catalogue_slice(*bundles), 10, 5, NOW)


def at(position: int, bundle_id: str | None = None, *travellers: Mapping[str, Any]) -> dict[str, Any]:
    return {"op": "set_position", "position": position, "offer_bundle_id": bundle_id, "travellers": travellers}


def two() -> Order:
    return order(line(1, "standard", "morning", A), line(2, "standard", "noon", B), **DRAFT)


@pytest.mark.parametrize("kept", [None, "sold-1"])
def test_the_present_bundle_leaves_everything_unchanged(kept: str | None) -> None:
    sold = (bundle("sold-1", "standard", "morning", A),)
    plan = planned(two(), at(1, kept), bundles=sold)
    assert (plan.no_op, plan.adds, plan.removes, plan.seats) == (True, (), (), ())
    named = planned(two(), at(1, kept, {"id": A, "given_name": "New"}), bundles=sold)
    assert (named.no_op, [each.given_name for each in named.travellers], named.adds) == (False, ["New"], ())


def test_another_bundle_replaces_the_lines_at_the_same_position() -> None:
    plan = planned(two(), at(2, "b"), bundles=(bundle("b", "flexible", "noon", A, B),))
    assert (plan.removes, [(each.position, each.travellers) for each in plan.adds]) == (
        (f"{NUMBER}-2",),
        [(2, (A,)), (2, (B,))],
    )
    assert plan.replaced[0].originals == (f"{NUMBER}-2",)


@pytest.mark.parametrize("bundle_id", [None, "b"])
def test_a_traveller_not_at_the_position_is_ignored_with_a_warning(bundle_id: str | None) -> None:
    unknown = {"id": "zoe", "given_name": "Zoe"}
    plan = planned(two(), at(1, bundle_id, unknown), bundles=(bundle("b", "flexible", "noon", A),))
    assert [(each.code, each.traveller, each.field) for each in plan.warnings] == [(FIELD_FROZEN, "zoe", "id")]
    assert all(each.id != "zoe" for each in plan.travellers)


def test_lines_at_positions_not_listed_are_removed_and_added_lines_stay() -> None:
    extra = line(3, "MEAL", "morning", supplement_of=f"{NUMBER}-1", position=1)
    on = order(line(1, "standard", "morning", A), extra, line(2, "standard", "noon", B), **DRAFT)
    added = {"op": "add_lines", "offer_bundle_id": "b"}
    plan = planned(on, added, {"op": "keep_positions", "positions": [2]}, bundles=(bundle("b", "flexible", "noon", A),))
    assert (set(plan.removes), [each.position for each in plan.adds]) == ({f"{NUMBER}-1", f"{NUMBER}-3"}, [5])
    assert planned(on, {"op": "keep_positions", "positions": [1, 2, 9]}).no_op


def test_a_position_is_removed_with_its_supplements() -> None:
    extra = line(3, "MEAL", "morning", supplement_of=f"{NUMBER}-1", position=1)
    on = order(line(1, "standard", "morning", A), extra, **DRAFT)
    assert set(planned(on, {"op": "remove_lines", "position": 1}).removes) == {f"{NUMBER}-1", f"{NUMBER}-3"}


def test_a_supplement_goes_with_the_position_of_its_line() -> None:
    extra = line(3, "MEAL", "noon", supplement_of=f"{NUMBER}-2", position=2)
    on = order(line(1, "standard", "noon", A), line(2, "standard", "noon", B), extra, **DRAFT)
    assert planned(on, {"op": "keep_positions", "positions": [1, 2]}).no_op
    assert set(planned(on, {"op": "keep_positions", "positions": [1]}).removes) == {f"{NUMBER}-2", f"{NUMBER}-3"}


def test_a_bundle_of_this_order_is_at_one_position_only() -> None:
    for_order = bundle("b", "flexible", "noon", A).model_copy(update={"order": NUMBER})
    with pytest.raises(OfferTaken):
        planned(two(), at(1, "b"), {"op": "add_lines", "offer_bundle_id": "b"}, bundles=(for_order,))
    for_any_order = bundle("b", "flexible", "noon", A)
    assert planned(two(), at(1, "b"), {"op": "add_lines", "offer_bundle_id": "b"}, bundles=(for_any_order,)).adds


def test_two_offers_of_one_change_have_one_birth_date_of_a_traveller() -> None:
    younger = bundle("y", "flexible", "noon", A, born=date(2015, 1, 1))
    with pytest.raises(TravellerDiffers):
        planned(two(), at(1, "b"), at(2, "y"), bundles=(bundle("b", "flexible", "noon", A), younger))


def test_a_refusal_names_the_position_at_which_it_occurred() -> None:
    with pytest.raises(OfferNotFound) as refused:
        planned(two(), at(1), at(2, "unknown"))
    assert refused.value.members == ({"position": 2},)


GONE = order(line(1, "standard", "morning", A, removed_by="C2", removed_in=1), line(2, "standard", "noon", B), **DRAFT)


@pytest.mark.parametrize(
    ("operations", "refusal"),
    [
        ([at(9)], LineNotFound),
        ([at(1)], LineRemoved),
        ([{"op": "remove_lines", "position": 1}], LineRemoved),
        ([at(2, "unknown")], OfferNotFound),
        ([at(2, "other")], OfferNotFound),
        ([at(2), {"op": "keep_positions", "positions": []}], None),
        ([{"op": "keep_positions", "positions": []}, at(2)], LinesOverlap),
        ([at(2, "b"), at(2, "b")], LinesOverlap),
    ],
    ids=str,
)
def test_positions_that_cannot_be_set(operations: list[dict[str, Any]], refusal: type[Refusal] | None) -> None:
    for_other_order = bundle("other", "flexible", "noon", A).model_copy(update={"order": "26-999999"})
    bundles = (for_other_order, bundle("b", "flexible", "noon", A))
    if refusal is None:
        assert planned(GONE, *operations, bundles=bundles).removes == (f"{NUMBER}-2",)
        return
    with pytest.raises(refusal):
        planned(GONE, *operations, bundles=bundles)


def test_a_bundle_offered_for_an_order_is_added_to_that_order() -> None:
    for_order = bundle("b", "flexible", "noon", A).model_copy(update={"order": NUMBER})
    assert planned(two(), at(1, "b"), bundles=(for_order,)).adds


@pytest.mark.parametrize("version", [1, 2])
def test_a_change_for_unconfirmed_orders_is_refused_after_a_confirmation(version: int) -> None:
    confirmed = order(line(1, "standard", "morning", A), version=version)
    with pytest.raises(AlreadyConfirmed):
        planned(confirmed, at(1), until_confirmed=True)
    assert planned(two(), at(1), until_confirmed=True).no_op


def test_on_an_expired_order_every_line_is_planned_again() -> None:
    expired = two().model_copy(update={"status": OrderStatus.EXPIRED})
    plan = planned(expired, at(1, "sold-1"), bundles=(bundle("sold-1", "standard", "morning", A),))
    assert (plan.no_op, len(plan.adds), len(plan.removes), sum(w.count for w in plan.seats)) == (False, 2, 2, 2)
