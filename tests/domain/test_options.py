"""Change options refer to the last confirmed version."""

from datetime import UTC, datetime

from domain.options import LineOptions, OptionKind, change_options
from domain.orders import Order, OrderStatus
from tests.domain.makers import catalogue_slice, line, order

BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
AFTER = datetime(2100, 1, 1, tzinfo=UTC)


def options_of(of: Order, now: datetime = BEFORE) -> tuple[LineOptions, ...]:
    catalogue = catalogue_slice()
    return change_options(of, catalogue.products, catalogue.supplements, catalogue.services, now)


def test_each_confirmed_line_may_be_exchanged_for_its_own_fee() -> None:
    (found,) = options_of(order(line(1, "standard", "noon", "ann")))
    exchange = found.options[0]
    assert (exchange.kind, str(exchange.fee)) == (OptionKind.EXCHANGE, "50.00")


def test_only_supplements_that_leave_seats_alone_may_be_added() -> None:
    (found,) = options_of(order(line(1, "standard", "noon", "ann")))
    on_top = next(each for each in found.options if each.kind is OptionKind.ADD_SUPPLEMENTS)
    assert on_top.supplements
    assert not any(each.changes_seating for each in on_top.supplements)


def test_a_draft_changes_no_option() -> None:
    confirmed = line(1, "standard", "noon", "ann")
    replaced = confirmed.model_copy(update={"removed_by": "C2", "removed_in": 2})
    new = line(2, "flexible", "noon", "ann", added_in=2, replaces=(confirmed.id,))
    draft = order(replaced, new, version=2)
    assert options_of(draft) == options_of(order(confirmed))


def test_nothing_has_a_fee_before_the_first_confirmation() -> None:
    (found,) = options_of(order(line(1, "standard", "noon", "ann"), confirmed=0))
    assert {each.fee.minor for each in found.options} == {0}


def test_a_train_that_has_left_and_a_cancelled_order_have_no_options() -> None:
    (found,) = options_of(order(line(1, "standard", "noon", "ann")), AFTER)
    assert found.options == ()
    assert options_of(order(line(1, "standard", "noon", "ann"), status=OrderStatus.CANCELLED)) == ()
