"""The model gives the values that the page of the rules has. No server runs here."""

from decimal import Decimal

import pytest

from tests.rules.model.lines import (
    Add,
    AddSupplements,
    Line,
    Offer,
    Person,
    Product,
    Refused,
    Remove,
    Replace,
    Service,
    SetName,
    Supplement,
    Wish,
)
from tests.rules.model.money import Kept
from tests.rules.model.order import Catalogue, Order

A, B, C = Person("a"), Person("b"), Person("c")
CHILD = Person("child", "2019-08-07", child=True)
MORNING, NOON, EVENING = Service("morning", 1), Service("noon", 2), Service("evening", 3)
STANDARD = Product("standard", 299_00, child=149_50)
FLEXIBLE = Product("flexible", 349_00, child=174_50)
ECONOMY = Product("economy", 249_00, child=174_50)
SAVER = Product("saver", 199_00)
BUS = Product("bus", 299_00, sells=())
FIRST = Product("first", 499_00, seating="first")
GROUP = Product("compartment", 1196_00, group=True)
CHEAP, ODD, EVEN = Product("cheap", 20_00, fee=50_00), Product("odd", 33_33, fee=5_00), Product("even", 30_00)
SOLD = (STANDARD, FLEXIBLE, ECONOMY, SAVER, BUS, FIRST, GROUP, CHEAP, ODD, EVEN)
MEAL, BICYCLE = Supplement("MEAL", 89_00), Supplement("BICYCLE", 150_00, Decimal("0.12"), most=1)


def wish(product: Product, service: Service, *people: Person, supplements: tuple[str, ...] = ()) -> Wish:
    return Wish(Offer(product, service, people), supplements)


def sold(*wishes: Wish) -> Order:
    """Return a confirmed order of these wishes."""
    order = Order(Catalogue({each.name: each for each in SOLD}, {each.name: each for each in (MEAL, BICYCLE)}))
    order.change(*map(Add, wishes), confirm=True, pays=True)
    return order


def keys(order: Order, *people: Person) -> list[int]:
    """Return the live main lines, or those of some people."""
    names = {each.name for each in people}
    lines = [line for line in order.live() if line.on is None]
    return [line.key for line in lines if not names or names & set(line.travellers)]


def to(order: Order, *wishes: Wish, people: tuple[Person, ...] = ()) -> Replace:
    """Return the operation that replaces all main lines, or those of some people."""
    return Replace(tuple(keys(order, *people)), wishes)


def shown(order: Order) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what is on the order: product or supplement, service, travellers."""
    return sorted((line.product, line.service.name, line.travellers) for line in order.live())


def meals(order: Order) -> list[Line]:
    return [line for line in order.live() if line.product == "MEAL"]


# Money


def test_a_refund_stays_a_refund_when_something_is_added() -> None:
    order = sold(wish(GROUP, MORNING, A))
    order.change(to(order, wish(STANDARD, MORNING, A)), word=True)
    assert order.balance() == -897_00
    order.change(AddSupplements(keys(order)[0], ("MEAL",)))
    assert order.balance() == -808_00


def test_what_is_kept_pays_for_nothing_else() -> None:
    order = sold(wish(GROUP, MORNING, A))
    order.change(to(order, wish(STANDARD, MORNING, A)), word=False)
    order.change(Add(wish(STANDARD, MORNING, B)), Add(wish(STANDARD, MORNING, C)))
    assert order.balance() == 598_00
    order.change(AddSupplements(keys(order, A)[0], ("MEAL",)))
    assert (order.balance(), order.kept()) == (687_00, [Kept(897_00, GROUP.rate)])


def test_all_replacements_of_a_request_are_netted() -> None:
    order = sold(wish(STANDARD, MORNING, A, CHILD))
    order.change(
        to(order, wish(ECONOMY, MORNING, A), people=(A,)),
        to(order, wish(FLEXIBLE, MORNING, CHILD), people=(CHILD,)),
        word=False,
    )
    assert (order.balance(), [each.amount for each in order.kept()]) == (0, [25_00])


def test_replacements_of_two_requests_are_not_netted() -> None:
    order = sold(wish(STANDARD, MORNING, A, CHILD))
    order.change(to(order, wish(ECONOMY, MORNING, A), people=(A,)), word=False)
    order.change(to(order, wish(FLEXIBLE, MORNING, CHILD), people=(CHILD,)))
    assert (order.balance(), [each.amount for each in order.kept()]) == (25_00, [50_00])


def test_a_meal_taken_off_has_a_decision_of_its_own() -> None:
    order = sold(wish(STANDARD, MORNING, A, supplements=("MEAL",)))
    order.change(to(order, wish(ECONOMY, MORNING, A)), word=False)
    order.change(Remove(meals(order)[0].key), word=True)
    assert (order.balance(), [each.amount for each in order.kept()]) == (-89_00, [50_00])


def test_a_word_about_a_group_holds_until_the_next_word_about_it() -> None:
    order = sold(wish(FLEXIBLE, MORNING, A))
    for product, word, balance in (
        (STANDARD, False, 0),
        (ECONOMY, None, 0),
        (SAVER, True, -150_00),
        (BUS, None, -50_00),
    ):
        order.change(to(order, wish(product, MORNING, A)), word=word)
        assert order.balance() == balance


def test_groups_that_come_together_with_different_words_are_paid_back() -> None:
    order = sold(wish(STANDARD, MORNING, A), wish(STANDARD, MORNING, B))
    order.change(to(order, wish(ECONOMY, NOON, A), people=(A,)), word=False)
    order.change(to(order, wish(ECONOMY, NOON, B), people=(B,)), word=True)
    assert order.balance() == -50_00
    order.change(to(order, wish(ECONOMY, EVENING, A, B)))
    assert (order.balance(), order.kept()) == (-100_00, [])


def test_a_fee_is_part_of_its_group_s_sum() -> None:
    order = sold(wish(ODD, MORNING, A))
    order.change(to(order, wish(EVEN, MORNING, A)), word=False)
    assert (order.balance(), order.fees(), order.kept()) == (1_67, [5_00], [])


def test_a_native_change_that_leaves_a_surplus_says_what_happens_with_it() -> None:
    order = sold(wish(STANDARD, MORNING, A), wish(STANDARD, MORNING, B))
    with pytest.raises(Refused, match="REFUND_UNDECIDED"):
        order.change(Remove(keys(order, A)[0]))
    assert len(keys(order)) == 2
    order.change(Remove(keys(order, A)[0]), entur=True)
    assert (order.balance(), [each.amount for each in order.kept()]) == (0, [299_00])
    order.change(AddSupplements(keys(order, B)[0], ("MEAL",)))
    assert order.balance() == 89_00


def test_a_dearer_change_and_an_unconfirmed_line_need_no_word() -> None:
    order = sold(wish(STANDARD, MORNING, A))
    order.change(to(order, wish(FLEXIBLE, MORNING, A)))
    order.change(Add(wish(STANDARD, MORNING, B)))
    order.change(Remove(keys(order, B)[0]))
    assert order.balance() == 50_00
    with pytest.raises(Refused, match="REFUND_UNDECIDED"):
        order.change(Remove(keys(order, A)[0]))


@pytest.mark.parametrize(("after", "balance"), [(None, 0), (FLEXIBLE, 349_00)], ids=["cancelled", "exchanged"])
def test_a_fee_is_at_most_the_line_s_price(after: Product | None, balance: int) -> None:
    order = sold(wish(CHEAP, MORNING, A), wish(STANDARD, MORNING, B))
    key = keys(order, A)[0]
    order.change(Replace((key,), (wish(after, MORNING, A),)) if after else Remove(key), word=True)
    assert (order.balance(), order.fees(), order.kept()) == (balance, [20_00], [])


def test_what_is_kept_is_split_over_the_rates_of_what_is_given_up() -> None:
    order = sold(wish(STANDARD, MORNING, A, supplements=("MEAL",)), wish(STANDARD, NOON, B))
    order.change(Remove(keys(order, A)[0]), word=False)
    assert order.kept() == [Kept(299_00, STANDARD.rate), Kept(89_00, MEAL.rate)]
    order = sold(wish(FLEXIBLE, MORNING, A, supplements=("MEAL", "MEAL")))
    order.change(to(order, wish(BUS, MORNING, A)), word=False)
    assert order.kept() == [Kept(50_00, BUS.rate), Kept(178_00, MEAL.rate)]


def test_money_set_aside_counts_only_up_to_what_is_owed() -> None:
    order = sold(wish(STANDARD, MORNING, A))
    order.change(to(order, wish(FLEXIBLE, MORNING, A)))
    order.pay(50_00)
    assert order.balance() == 0
    order.change(to(order, wish(SAVER, MORNING, A)), word=False)
    assert (order.balance(), order.due()) == (0, 299_00)
    with pytest.raises(Refused, match="PAYMENT_TOO_HIGH"):
        order.pay(1)


def test_back_at_the_confirmed_lines_what_was_set_aside_is_let_go() -> None:
    order = sold(wish(ECONOMY, MORNING, A, B))
    lines = keys(order)
    order.change(to(order, wish(GROUP, MORNING, A, B)))
    order.pay(698_00)
    order.change(to(order, wish(ECONOMY, MORNING, A, B)))
    assert (order.balance(), order.set_aside, order.draft, order.version) == (0, 0, False, 1)
    assert keys(order) == lines


def test_what_is_confirmed_is_captured_or_paid_back_once() -> None:
    order = sold(wish(FLEXIBLE, MORNING, A))
    assert order.paid == 349_00
    order.change(to(order, wish(SAVER, MORNING, A)), word=True, confirm=True)
    assert (order.paid, order.balance(), order.version) == (199_00, 0, 2)
    order.confirm()
    order.change(to(order, wish(STANDARD, MORNING, A)))
    with pytest.raises(Refused, match="BALANCE_NOT_ZERO"):
        order.confirm()
    with pytest.raises(Refused, match="DRAFT_OPEN"):
        order.change(SetName("a", "Ann"), confirm=True)
    order.end_draft()
    with pytest.raises(Refused, match="DRAFT_ENDED"):
        order.confirm()
    assert shown(order) == [("saver", "morning", ("a",))]


def test_a_limit_is_looked_at_for_what_is_taken_and_for_what_is_given_back() -> None:
    order = sold(wish(FLEXIBLE, MORNING, A))
    with pytest.raises(Refused, match="PRICE_ABOVE_LIMIT"):
        order.change(to(order, wish(FIRST, MORNING, A)), at_most=149_99)
    with pytest.raises(Refused, match="PRICE_ABOVE_LIMIT"):
        order.change(to(order, wish(STANDARD, MORNING, A)), word=True, at_most=-50_01)
    order.change(to(order, wish(STANDARD, MORNING, A)), word=True, at_most=-50_00)


# Supplements


def test_a_meal_stays_with_its_traveller_when_another_one_leaves() -> None:
    order = sold(wish(STANDARD, MORNING, A, B))
    order.change(AddSupplements(keys(order, A)[0], ("MEAL",)), confirm=True, pays=True)
    order.change(to(order, wish(FLEXIBLE, NOON, A, B)), confirm=True, pays=True)
    order.change(Remove(keys(order, B)[0]), word=True, confirm=True)
    assert shown(order) == [("MEAL", "noon", ("a",)), ("flexible", "noon", ("a",))]


def test_a_meal_named_again_is_the_one_that_moves() -> None:
    order = sold(wish(STANDARD, MORNING, A, supplements=("MEAL",)))
    (meal,) = meals(order)
    order.change(to(order, wish(FLEXIBLE, NOON, A, supplements=("MEAL",))))
    assert ([each.sale for each in meals(order)], order.balance()) == ([meal.sale], 50_00)
    order.change(to(order, wish(FLEXIBLE, EVENING, A, supplements=("MEAL", "MEAL"))))
    assert (len(meals(order)), order.balance()) == (2, 139_00)


def test_a_meal_is_given_up_where_it_is_not_sold_and_comes_back_with_its_line() -> None:
    order = sold(wish(STANDARD, MORNING, A, supplements=("MEAL",)))
    before = order.live()
    order.change(to(order, wish(BUS, MORNING, A)), word=False)
    assert (order.balance(), [each.amount for each in order.kept()]) == (0, [89_00])
    order.change(to(order, wish(STANDARD, MORNING, A)))
    assert (order.live(), order.balance(), order.fees(), order.draft) == (before, 0, [], False)


def test_a_meal_moves_to_the_first_of_its_owner_s_new_lines() -> None:
    order = sold(wish(STANDARD, EVENING, A, supplements=("MEAL",)))
    order.change(to(order, wish(FLEXIBLE, NOON, A), wish(STANDARD, MORNING, A)))
    assert meals(order)[0].service is MORNING


def test_meals_of_a_broken_up_group_go_to_its_travellers_one_each() -> None:
    order = sold(wish(GROUP, MORNING, A, B, C))
    order.change(AddSupplements(keys(order)[0], ("MEAL", "MEAL")), confirm=True, pays=True)
    order.change(AddSupplements(keys(order)[0], ("MEAL",), "c"), confirm=True, pays=True)
    order.change(to(order, wish(FLEXIBLE, NOON, A, B, C)), word=False)
    assert sorted(each.travellers for each in meals(order)) == [("a",), ("b",), ("c",)]


def test_more_bicycles_than_one_traveller_may_have_are_refused() -> None:
    order = sold(wish(STANDARD, MORNING, A, supplements=("BICYCLE",)))
    with pytest.raises(Refused, match="ALREADY_BOOKED"):
        order.change(AddSupplements(keys(order)[0], ("BICYCLE",)))
    with pytest.raises(Refused, match="SUPPLEMENT_NOT_OFFERED"):
        order.change(to(order, wish(BUS, MORNING, A, supplements=("MEAL",))))


# People


def test_an_id_stands_for_the_line_of_its_own_traveller() -> None:
    order = sold(wish(STANDARD, MORNING, A, B))
    first, second = keys(order)
    order.change(to(order, wish(FLEXIBLE, NOON, A, B)), confirm=True, pays=True)
    assert [line.travellers for line in order.resolve(first)] == [("a",)]
    order.change(Replace((first,), (wish(FLEXIBLE, EVENING, A),)))
    assert shown(order) == [("flexible", "evening", ("a",)), ("flexible", "noon", ("b",))]
    assert [line.service for line in order.resolve(second)] == [NOON]


def test_the_way_back_stays_when_the_way_there_is_replaced_again() -> None:
    order = sold(wish(STANDARD, MORNING, A), wish(STANDARD, EVENING, A))
    out, back = keys(order)
    order.change(Replace((out, back), (wish(FLEXIBLE, MORNING, A), wish(FLEXIBLE, EVENING, A))))
    order.change(Replace((out,), (wish(STANDARD, NOON, A),)))
    assert shown(order) == [("flexible", "evening", ("a",)), ("standard", "noon", ("a",))]


def test_a_group_is_given_up_only_when_all_its_people_are_named() -> None:
    order = sold(wish(STANDARD, MORNING, A, B))
    first, second = keys(order)
    order.change(to(order, wish(GROUP, MORNING, A, B)))
    with pytest.raises(Refused, match="SELECTED_LINES_MISMATCH"):
        order.change(Replace((first,), (wish(FLEXIBLE, NOON, A),)))
    order.change(AddSupplements(first, ("MEAL",)))
    assert meals(order)[0].travellers == ("a",)
    order.change(Replace((first, second), (wish(FLEXIBLE, NOON, A, B),)))
    assert len(keys(order)) == 2


def test_the_line_of_somebody_who_left_stands_for_nothing_or_for_a_newcomer_s() -> None:
    order = sold(wish(STANDARD, MORNING, A, B))
    first, second = keys(order)
    order.change(to(order, wish(FLEXIBLE, MORNING, A, C)))
    assert [line.travellers for line in order.resolve(second)] == [("c",)]
    order.end_draft()
    order.change(to(order, wish(FLEXIBLE, MORNING, A)), word=True, confirm=True)
    with pytest.raises(Refused, match="LINE_REMOVED"):
        order.change(Remove(second))
    assert order.resolve(first)


def test_each_traveller_keeps_his_seat_and_newcomers_get_those_of_leavers() -> None:
    order = sold(wish(STANDARD, MORNING, A, B))
    seats = {who: seat for (_, who), seat in order.now.seats.items()}
    order.change(to(order, wish(FLEXIBLE, MORNING, B, A)))
    assert {who: seat for (_, who), seat in order.now.seats.items()} == seats
    order.change(to(order, wish(STANDARD, MORNING, A, C)), word=True)
    assert {who: seat for (_, who), seat in order.now.seats.items()} == {"a": seats["a"], "c": seats["b"]}
    order.change(to(order, wish(FIRST, MORNING, A, C)))
    assert not set(order.now.seats.values()) & set(seats.values())


def test_a_sold_traveller_is_not_exchanged_to_another_age() -> None:
    order = sold(wish(STANDARD, MORNING, A))
    younger = Person("a", "2015-05-04", child=True)
    with pytest.raises(Refused, match="TRAVELLER_DIFFERS"):
        order.change(to(order, wish(STANDARD, NOON, younger)), word=True)
    draft = Order(order.catalogue)
    draft.change(Add(wish(STANDARD, MORNING, A)))
    draft.change(to(draft, wish(STANDARD, NOON, younger)))
    assert draft.balance() == 149_50


def test_nobody_has_two_lines_on_a_service() -> None:
    order = sold(wish(STANDARD, MORNING, A))
    with pytest.raises(Refused, match="TRAVELLER_ALREADY_ON_SERVICE"):
        order.change(Add(wish(FLEXIBLE, MORNING, A)))


# Time


def test_what_has_left_is_neither_given_up_nor_added_nor_named_otherwise() -> None:
    order = sold(wish(STANDARD, MORNING, A), wish(STANDARD, NOON, B))
    order.change(SetName("a", "Ann"), SetName("b", "Bo"), confirm=True)
    order.change(Remove(keys(order, A)[0]), word=True)
    order.left.add(MORNING)
    with pytest.raises(Refused, match="SERVICE_DEPARTED"):
        order.confirm()
    order.end_draft()
    for operation in (Remove(keys(order, A)[0]), SetName("a", "Anne"), Add(wish(STANDARD, MORNING, C))):
        with pytest.raises(Refused, match="SERVICE_DEPARTED"):
            order.change(operation, word=True)
    order.change(to(order, wish(FLEXIBLE, EVENING, B), people=(B,)), SetName("b", "Bob"), confirm=True, pays=True)


def test_an_order_that_was_never_confirmed_expires_and_is_sold_anew() -> None:
    order = Order(sold(wish(STANDARD, MORNING, A)).catalogue)
    order.change(Add(wish(STANDARD, MORNING, A, supplements=("MEAL",))))
    (first,) = keys(order)
    order.pay(100_00)
    order.end_draft(expired=True)
    with pytest.raises(Refused, match="ORDER_EXPIRED"):
        order.confirm(pays=True)
    order.change(AddSupplements(first, ("BICYCLE",)))
    assert (order.resolve(first)[0].key != first, order.balance()) == (True, 538_00)
    assert {line.on for line in order.live()} == {None, order.resolve(first)[0].key}
    order.confirm(pays=True)
