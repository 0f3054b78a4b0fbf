"""A change is planned completely before anything is written."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from domain.lineage import current_lines
from domain.offers import OfferBundle
from domain.orders import Order, OrderStatus, ReservationState
from domain.planning.plan import Plan
from domain.planning.plan_change import plan_change
from domain.refusals import (
    ChangeNotAllowed,
    LineNotFound,
    LineRemoved,
    LinesOverlap,
    NothingToChange,
    OfferNotFound,
    OrderCancelled,
    Refusal,
    SeatingChangeNotSupported,
    SeatUnknown,
    SupplementNotOffered,
    TooManyLines,
)
from tests.domain.makers import (
    NOW,
    NUMBER,
    bundle,
    catalogue_slice,
    change_request,
    line,
    nok,
    order,
    replace_operation,
    seat,
    sits,
)

A, B, C = "ann", "bob", "cat"


def planned(on: Order, *operations: Mapping[str, Any], bundles: tuple[OfferBundle, ...] = (), **more: Any) -> Plan:
    return plan_change(on, change_request(*operations, **more), catalogue_slice(*bundles), 10, 5, NOW)


def kept(plan: Plan) -> list[tuple[str, ...]]:
    return [tuple(seat.reservation for seat in each.kept_seats) for each in plan.adds]


def test_one_line_for_each_traveller_sharing_a_position() -> None:
    plan = planned(
        order(), {"op": "add_lines", "offer_bundle_id": "b"}, bundles=(bundle("b", "standard", "noon", A, B, C),)
    )
    assert [(each.id, each.position, each.travellers) for each in plan.adds] == [
        (f"{NUMBER}-10", 5, (A,)),
        (f"{NUMBER}-11", 5, (B,)),
        (f"{NUMBER}-12", 5, (C,)),
    ]
    assert (plan.next_line, plan.next_position) == (13, 6)


def test_one_line_for_all_travellers_of_a_group_product() -> None:
    plan = planned(
        order(), {"op": "add_lines", "offer_bundle_id": "g"}, bundles=(bundle("g", "compartment", "noon", A, B, C),)
    )
    assert [each.travellers for each in plan.adds] == [(A, B, C)]
    assert [(wish.count, wish.lines) for wish in plan.seats] == [(3, (f"{NUMBER}-10",))]


def test_only_the_travellers_named_use_the_offer() -> None:
    wish = {"op": "add_lines", "offer_bundle_id": "b", "traveller_ids": [C, A]}
    plan = planned(order(), wish, bundles=(bundle("b", "standard", "noon", A, B, C),))
    assert [each.travellers for each in plan.adds] == [(A,), (C,)]


def test_a_change_of_a_confirmed_order_opens_the_next_version() -> None:
    sold = order(line(1, "standard", "morning", A))
    assert planned(sold, replace_operation([1], "b"), bundles=(bundle("b", "standard", "noon", A),)).version == 2


def test_further_changes_of_a_draft_keep_its_version() -> None:
    draft = order(line(1, "standard", "morning", A, added_in=2), version=2)
    assert planned(draft, replace_operation([1], "b"), bundles=(bundle("b", "standard", "noon", A),)).version == 2


def test_several_lines_become_one_group_line_and_the_reverse() -> None:
    singles = order(line(1, "standard", "morning", A), line(2, "standard", "morning", B))
    plan = planned(singles, replace_operation([1, 2], "g"), bundles=(bundle("g", "compartment", "noon", A, B),))
    assert [each.travellers for each in plan.adds] == [(A, B)]
    assert plan.adds[0].replaces == (f"{NUMBER}-1", f"{NUMBER}-2")
    group = order(line(1, "compartment", "morning", A, B))
    plan = planned(group, replace_operation([1], "b"), bundles=(bundle("b", "standard", "noon", A, B),))
    assert [each.travellers for each in plan.adds] == [(A,), (B,)]
    assert plan.replaced[0].replacements == (f"{NUMBER}-10", f"{NUMBER}-11")


def test_an_old_id_resolves_to_the_line_that_replaced_it() -> None:
    changed = order(
        line(1, "standard", "morning", A, removed_by="C2", removed_in=2),
        line(2, "standard", "noon", A, replaces=(f"{NUMBER}-1",), added_in=2, removed_by="C3", removed_in=2),
        line(3, "flexible", "noon", A, replaces=(f"{NUMBER}-2",), added_in=2),
        version=2,
    )
    for old in (1, 2, 3):
        assert [each.id for each in current_lines(changed, f"{NUMBER}-{old}")] == [f"{NUMBER}-3"]
        assert planned(changed, {"op": "remove_lines", "lines": [f"{NUMBER}-{old}"]}).removes == (f"{NUMBER}-3",)


def test_the_id_of_a_removed_line_resolves_to_no_line() -> None:
    gone = order(line(1, "standard", "morning", A, removed_by="C2", removed_in=2), version=2)
    assert current_lines(gone, f"{NUMBER}-1") == ()


SOLD = order(line(1, "standard", "morning", A), line(2, "MEAL", "morning", supplement_of=f"{NUMBER}-1"))
REMOVED = order(line(1, "standard", "morning", A, removed_by="C2", removed_in=2), version=2)


@pytest.mark.parametrize(
    ("operations", "refusal"),
    [
        ([{"op": "remove_lines", "lines": [f"{NUMBER}-9"]}], LineNotFound),
        ([{"op": "remove_lines", "lines": ["26-999999-1"]}], LineNotFound),
        ([replace_operation([1], "nothing")], OfferNotFound),
        ([replace_operation([1], "b"), {"op": "remove_lines", "lines": [f"{NUMBER}-1"]}], LinesOverlap),
        ([replace_operation([2], "b")], ChangeNotAllowed),
        ([replace_operation([1], "sold-1")], NothingToChange),
        ([replace_operation([1], "b", seats=["1-01", "1-02"])], SeatUnknown),
        ([{"op": "add_supplements", "line": f"{NUMBER}-2", "supplements": [{"supplement": "MEAL"}]}], ChangeNotAllowed),
    ],
)
def test_an_impossible_operation_is_refused(operations: list[dict[str, Any]], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        planned(SOLD, *operations, bundles=(bundle("b", "standard", "noon", A),))


def test_a_removed_line_cannot_be_changed() -> None:
    with pytest.raises(LineRemoved):
        planned(REMOVED, replace_operation([1], "b"), bundles=(bundle("b", "standard", "noon", A),))


def test_a_cancelled_order_accepts_no_change() -> None:
    with pytest.raises(OrderCancelled):
        planned(order(status=OrderStatus.CANCELLED), replace_operation([1], "b"))


def test_supplements_may_be_added_twice_and_have_the_lines_position() -> None:
    wish = {"op": "add_supplements", "line": f"{NUMBER}-1", "supplements": [{"supplement": "MEAL", "count": 2}]}
    plan = planned(SOLD, wish)
    assert [(each.product, each.supplement_of, each.position) for each in plan.adds] == [("MEAL", f"{NUMBER}-1", 1)] * 2
    assert plan.seats == ()


def test_a_supplement_follows_its_line_when_the_next_product_sells_it() -> None:
    plan = planned(SOLD, replace_operation([1], "b"), bundles=(bundle("b", "flexible", "noon", A),))
    assert plan.removes == (f"{NUMBER}-1", f"{NUMBER}-2")
    moved = plan.adds[1]
    assert (moved.product, moved.supplement_of, moved.service) == ("MEAL", plan.adds[0].id, "noon")
    assert (moved.sale, moved.replaces, moved.price) == (f"{NUMBER}-2", (f"{NUMBER}-2",), nok(8900))


def test_a_supplement_is_removed_with_its_line_when_the_next_product_does_not_sell_it() -> None:
    plan = planned(SOLD, replace_operation([1], "b"), bundles=(bundle("b", "bus", "noon", A),))
    assert set(plan.removes) == {f"{NUMBER}-1", f"{NUMBER}-2"}


def test_a_supplement_is_removed_with_its_line() -> None:
    plan = planned(SOLD, {"op": "remove_lines", "lines": [f"{NUMBER}-1"]})
    assert set(plan.removes) == {f"{NUMBER}-1", f"{NUMBER}-2"}


SEATED = order(line(1, "standard", "morning", A, seats=sits((A, 4))), reservations=(seat(4, "morning"),))


def test_a_change_of_fare_on_the_same_departure_keeps_the_seat() -> None:
    plan = planned(SEATED, replace_operation([1], "b"), bundles=(bundle("b", "flexible", "morning", A),))
    assert kept(plan) == [(f"{NUMBER}-s4",)]
    assert plan.seats == ()


def test_another_seat_on_the_same_departure_is_held_when_requested() -> None:
    plan = planned(
        SEATED, replace_operation([1], "b", seats=["2-07"]), bundles=(bundle("b", "flexible", "morning", A),)
    )
    assert kept(plan) == [()]
    assert [wish.names for wish in plan.seats] == [("2-07",)]


def test_a_named_seat_that_the_line_already_has_is_kept() -> None:
    plan = planned(
        SEATED, replace_operation([1], "b", seats=["1-04"]), bundles=(bundle("b", "flexible", "morning", A),)
    )
    assert kept(plan) == [(f"{NUMBER}-s4",)]


def test_another_departure_needs_another_seat() -> None:
    plan = planned(SEATED, replace_operation([1], "b"), bundles=(bundle("b", "flexible", "noon", A),))
    assert kept(plan) == [()]
    assert [(wish.service, wish.count) for wish in plan.seats] == [("noon", 1)]


def test_returning_to_the_original_departure_keeps_the_confirmed_seat() -> None:
    away = order(
        line(1, "standard", "morning", A, seats=sits((A, 4)), removed_by="C2", removed_in=2),
        line(2, "standard", "noon", A, seats=sits((A, 5)), replaces=(f"{NUMBER}-1",), added_in=2),
        version=2,
        reservations=(seat(4, "morning"), seat(5, "noon", ReservationState.HELD)),
    )
    plan = planned(away, replace_operation([1], "b"), bundles=(bundle("b", "standard", "morning", A),))
    assert (plan.restores, plan.removes, plan.adds) == ((f"{NUMBER}-1",), (f"{NUMBER}-2",), ())
    assert plan.ends_draft


def test_seats_of_a_group_are_distributed_to_single_lines() -> None:
    group = order(
        line(1, "compartment", "morning", A, B, seats=sits((A, 4), (B, 5))),
        reservations=(seat(4, "morning"), seat(5, "morning")),
    )
    plan = planned(group, replace_operation([1], "b"), bundles=(bundle("b", "standard", "morning", A, B),))
    assert kept(plan) == [(f"{NUMBER}-s4",), (f"{NUMBER}-s5",)]


def test_the_same_seat_is_never_assigned_twice() -> None:
    both = order(
        line(1, "compartment", "morning", A, B, seats=sits((A, 4), (B, 5))),
        reservations=(seat(4, "morning"), seat(5, "morning")),
    )
    bundles = (bundle("a", "standard", "morning", A), bundle("b", "standard", "morning", B))
    plan = planned(both, replace_operation([1], "a", "b"), bundles=bundles)
    assert kept(plan) == [(f"{NUMBER}-s4",), (f"{NUMBER}-s5",)]


def test_every_line_of_an_expired_order_is_planned_again() -> None:
    expired = order(
        line(1, "standard", "morning", A, seats=sits((A, 4))),
        line(2, "MEAL", "morning", supplement_of=f"{NUMBER}-1"),
        confirmed=0,
        status=OrderStatus.EXPIRED,
        reservations=(seat(4, "morning", ReservationState.RELEASED),),
    )
    plan = planned(expired, {"op": "set_travellers", "travellers": [{"id": A, "given_name": "Anna"}]})
    assert set(plan.removes) == {f"{NUMBER}-1", f"{NUMBER}-2"}
    assert [(each.product, each.price, each.kept_seats, each.seats_to_hold) for each in plan.adds] == [
        ("standard", nok(29900), (), (A,)),
        ("MEAL", nok(8900), (), ()),
    ]
    assert plan.travellers[0].given_name == "Anna"


def test_the_birth_date_an_offer_was_priced_on_is_frozen_with_a_warning() -> None:
    details = [{"id": A, "given_name": "Ann", "birth_date": "1991-01-01"}]
    wish = {"op": "add_lines", "offer_bundle_id": "b", "travellers": details}
    plan = planned(order(), wish, bundles=(bundle("b", "standard", "noon", A),))
    assert plan.travellers[0].birth_date == date(1990, 5, 4)
    assert [(each.code, each.field) for each in plan.warnings] == [("FIELD_FROZEN", "birth_date")]


@pytest.mark.parametrize(
    ("supplement", "refusal"), [("SOUP", SupplementNotOffered), ("UPGRADE", SeatingChangeNotSupported)]
)
def test_a_supplement_that_cannot_be_sold_is_refused_after_what_concerns_times_and_people(
    supplement: str, refusal: type[Refusal]
) -> None:
    wish = {"op": "add_supplements", "line": f"{NUMBER}-1", "supplements": [{"supplement": supplement}]}
    assert [each.code for each in planned(SOLD, wish).refusals] == [refusal.code]


@pytest.mark.parametrize(
    ("count", "travellers"), [(1, [(A,)]), (2, [(A,), (B,)]), (5, [(A,), (B,), (f"{A}-2",), (f"{B}-2",), (f"{A}-3",)])]
)
def test_a_count_gives_that_many_lines_beyond_the_travellers_for_new_ones(
    count: int, travellers: list[tuple[str, ...]]
) -> None:
    wish = {"op": "add_lines", "offer_bundle_id": "b", "count": count}
    plan = planned(order(), wish, bundles=(bundle("b", "standard", "noon", A, B),))
    assert [each.travellers for each in plan.adds] == travellers
    assert sum(len(each.seats_to_hold) for each in plan.adds) == count


def test_a_count_of_a_group_product_gives_that_many_groups() -> None:
    wish = {"op": "add_lines", "offer_bundle_id": "b", "count": 2}
    plan = planned(order(), wish, bundles=(bundle("b", "compartment", "noon", A, B),))
    assert [each.travellers for each in plan.adds] == [(A, B), (f"{A}-2", f"{B}-2")]


def test_a_count_cannot_be_combined_with_chosen_travellers() -> None:
    with pytest.raises(ValueError, match="count"):
        change_request({"op": "add_lines", "offer_bundle_id": "b", "count": 1, "traveller_ids": [A]})


def test_one_offer_of_a_bundle_may_be_taken_alone_and_one_of_another_bundle_is_not_found() -> None:
    two = bundle("b", "standard", "noon", A)
    second = two.offers[0].model_copy(update={"id": "second", "product": "flexible"})
    both = two.model_copy(update={"offers": (*two.offers, second)})
    wish = {"op": "add_lines", "offer_bundle_id": "b"}
    assert [each.product for each in planned(order(), wish, bundles=(both,)).adds] == ["standard", "flexible"]
    alone = planned(order(), wish | {"offer_id": "second"}, bundles=(both,))
    assert [(each.product, each.offer) for each in alone.adds] == [("flexible", "second")]
    with pytest.raises(OfferNotFound):
        planned(order(), wish | {"offer_id": "elsewhere"}, bundles=(both,))


def test_customers_and_distribution_go_with_the_lines_of_a_wish() -> None:
    linked = {"customers": [{"id": "C-1"}], "distribution": {"customer_account": {"id": "A-1"}}}
    wish = {"op": "add_lines", "offer_bundle_id": "b", **linked}
    (added,) = planned(order(), wish, bundles=(bundle("b", "standard", "noon", A),)).adds
    assert [each.id for each in added.customers] == ["C-1"]
    assert added.distribution is not None


MANY = {"op": "add_lines", "offer_bundle_id": "b", "count": 50}


def test_an_order_has_at_most_the_maximum_number_of_lines() -> None:
    bundles = (bundle("b", "standard", None, A),)
    assert len(planned(order(), *[MANY] * 4, bundles=bundles).adds) == 200
    with pytest.raises(TooManyLines):
        planned(order(line(1, "standard", None, A)), *[MANY] * 4, bundles=bundles)
    with pytest.raises(TooManyLines):
        planned(order(), *[MANY] * 50, bundles=bundles)


def test_an_order_with_more_lines_than_the_maximum_may_become_shorter() -> None:
    long = order(*[line(number, "standard", None, A) for number in range(1, 231)])
    shorter = {"op": "remove_lines", "lines": [f"{NUMBER}-1"]}
    assert len(planned(long, shorter).removes) == 1
