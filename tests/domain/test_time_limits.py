"""A rule about time has one instant, for what is given up, what is added, and whose name is changed."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.changes import deadline_horizon
from domain.orders import Order, OrderLine
from domain.planning.plan import Plan
from domain.projection import project
from domain.refusals import NotReturnable, ServiceDeparted, ValidityOver, ValidityStarted
from domain.terms import ReturnableUntil, SoldUntil, Terms
from domain.time_limits import TimeLimit, check_limits, limits
from domain.travellers import Traveller
from tests.domain.makers import LEAVES, NOW, NUMBER, SERVICES, complete, line, nok, order

A = "ann"
START = datetime(2027, 2, 1, tzinfo=UTC)
END = START + timedelta(hours=24)
GONE: dict[str, Any] = {"removed_by": "C2", "removed_in": 2}


def card(
    returnable: ReturnableUntil = ReturnableUntil.START, sold: SoldUntil = SoldUntil.END, **more: Any
) -> OrderLine:
    terms = Terms(change_fee=nok(0), returnable_until=returnable, sold_until=sold)
    return line(1, "standard", None, A, terms=terms, valid_from=START, valid_until=END, **more)


def first(on: Order, plan: Plan | None = None) -> tuple[datetime, str] | None:
    found = limits(on, project(on, plan), SERVICES)
    return (found[0].at, found[0].code) if found else None


@pytest.mark.parametrize(
    ("returnable", "limit"),
    [
        (ReturnableUntil.START, (START, ValidityStarted.code)),
        (ReturnableUntil.END, (END, ValidityOver.code)),
        (ReturnableUntil.ALWAYS, None),
        (ReturnableUntil.NOT, (datetime(1, 1, 1, tzinfo=UTC), NotReturnable.code)),
    ],
)
def test_a_card_is_given_up_until_its_terms_say(
    returnable: ReturnableUntil, limit: tuple[datetime, str] | None
) -> None:
    assert first(order(card(returnable, **GONE), version=2)) == limit


@pytest.mark.parametrize(
    ("sold", "limit"),
    [
        (SoldUntil.START, (START, ValidityOver.code)),
        (SoldUntil.END, (END, ValidityOver.code)),
        (SoldUntil.ALWAYS, None),
    ],
)
def test_a_card_is_added_until_its_terms_say(sold: SoldUntil, limit: tuple[datetime, str] | None) -> None:
    assert first(order(card(sold=sold, added_in=1), confirmed=0)) == limit


def test_a_line_on_a_service_is_given_up_and_added_until_the_departure() -> None:
    assert first(order(line(1, "standard", "morning", A, **GONE), version=2)) == (LEAVES, ServiceDeparted.code)
    assert first(order(line(1, "standard", "morning", A), confirmed=0)) == (LEAVES, ServiceDeparted.code)


def test_a_cancelled_service_never_departs() -> None:
    on = order(line(1, "standard", "morning", A, **GONE), version=2)
    cancelled = {"morning": SERVICES["morning"].model_copy(update={"cancelled": True})}
    assert limits(on, project(on), cancelled) == []


def test_only_what_the_draft_touches_counts() -> None:
    """The return may be changed after the outward train has left."""
    on = order(line(1, "standard", "gone", A), line(2, "standard", "evening", A, **GONE), version=2)
    assert first(on) == (SERVICES["evening"].departs_at, ServiceDeparted.code)


def test_a_supplement_keeps_to_its_own_limit_or_to_its_lines() -> None:
    meal = line(2, "MEAL", "morning", A, supplement_of=f"{NUMBER}-1", **GONE)
    assert first(order(line(1, "standard", "morning", A), meal, version=2)) == (LEAVES, ServiceDeparted.code)
    own = Terms(change_fee=nok(0), returnable_until=ReturnableUntil.NOT)
    kept = meal.model_copy(update={"terms": own})
    found = first(order(line(1, "standard", "morning", A), kept, version=2))
    assert found == (datetime(1, 1, 1, tzinfo=UTC), NotReturnable.code)


def test_a_sale_that_is_carried_on_has_no_limit() -> None:
    meal = line(2, "MEAL", "morning", A, supplement_of=f"{NUMBER}-1", **GONE)
    moved = line(3, "MEAL", "morning", A, supplement_of=f"{NUMBER}-1", added_in=2, sale=meal.sale)
    assert first(order(line(1, "standard", "morning", A), meal, moved, version=2)) is None


def renamed(**details: object) -> Traveller:
    return complete(A).model_copy(update=details)


def test_a_known_name_holds_until_the_first_confirmed_line_departs() -> None:
    lines = (line(1, "standard", "morning", A), line(2, "standard", "evening", A))
    assert first(order(*lines, travellers=(renamed(given_name="Anna"),))) == (LEAVES, ServiceDeparted.code)
    assert first(order(*lines, travellers=(renamed(birth_date=date(1991, 1, 1)),))) == (LEAVES, ServiceDeparted.code)


def test_a_missing_detail_may_be_set_until_the_last_confirmed_line_departs() -> None:
    lines = (line(1, "standard", "morning", A), line(2, "standard", "evening", A))
    later = SERVICES["evening"].departs_at
    assert first(order(*lines, travellers=(renamed(passport="P1"),))) == (later, ServiceDeparted.code)
    unknown: dict[str, Any] = {"confirmed_travellers": (complete(A).model_copy(update={"given_name": None}),)}
    assert first(order(*lines, **unknown)) == (later, ServiceDeparted.code)


def test_details_that_are_already_so_have_no_limit() -> None:
    assert first(order(line(1, "standard", "gone", A))) is None


def test_the_refusal_comes_at_the_instant_and_names_the_line() -> None:
    found = [TimeLimit(at=NOW, code=ServiceDeparted.code, line=f"{NUMBER}-1")]
    check_limits(found, NOW - timedelta(seconds=1))
    with pytest.raises(ServiceDeparted) as refused:
        check_limits(found, NOW)
    assert refused.value.members == ({"line": f"{NUMBER}-1"},)


@pytest.mark.parametrize(
    ("now", "latest"),
    [
        (datetime(2027, 8, 31, 23, 59, tzinfo=UTC), datetime(2028, 2, 29, 23, 59, tzinfo=UTC)),
        (datetime(2026, 11, 30, 8, tzinfo=UTC), datetime(2027, 5, 30, 8, tzinfo=UTC)),
    ],
)
def test_six_months_are_calendar_months(now: datetime, latest: datetime) -> None:
    assert deadline_horizon(now) == latest
