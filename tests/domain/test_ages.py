"""The age on the first day of validity decides the price."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ages import age_on
from domain.money import Money
from domain.products import PriceRow, Product, price_for, row_at_age

days = st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 12, 31))
CHILD, ADULT = Money(1900, "CHF"), Money(2700, "CHF")
CARD = (PriceRow(min_age=5, max_age=15, price=CHILD), PriceRow(min_age=15, max_age=2500, price=ADULT))
ZURICH = Product(
    id="card", name="Card", currency="CHF", prices=CARD, tax_rate=Decimal("0.077"), change_fee=Money(0, "CHF")
)


@given(days, st.integers(min_value=0, max_value=120))
def test_a_traveller_is_a_year_older_on_each_birthday_and_not_the_day_before(born: date, years: int) -> None:
    if (born.month, born.day) == (2, 29):
        born = born.replace(day=28)
    if born.year + years <= 2100:
        birthday = born.replace(year=born.year + years)
        assert age_on(born, birthday) == years
        assert age_on(born, birthday - timedelta(days=1)) == years - 1


@given(days, days)
def test_age_never_falls_as_time_passes(born: date, day: date) -> None:
    assert age_on(born, day + timedelta(days=1)) >= age_on(born, day)


@pytest.mark.parametrize(
    ("day", "age"),
    [
        (date(2021, 2, 28), 0),
        (date(2021, 3, 1), 1),
        (date(2024, 2, 28), 3),
        (date(2024, 2, 29), 4),
        (date(2038, 2, 28), 17),
        (date(2038, 3, 1), 18),
    ],
)
def test_a_traveller_born_on_29_february_has_the_birthday_on_1_march_in_other_years(day: date, age: int) -> None:
    assert age_on(date(2020, 2, 29), day) == age


@pytest.mark.parametrize(
    ("born", "price"),
    [
        (date(2016, 10, 23), None),  # 4
        (date(2016, 10, 22), CHILD),  # 5 today
        (date(2006, 10, 22), CHILD),  # 15 today, in both rows
        (date(2005, 10, 23), CHILD),  # 15, 16 tomorrow
        (date(2005, 10, 22), ADULT),  # 16 today
        (date(2000, 2, 18), ADULT),
        (date(2010, 2, 18), CHILD),
        (date(2021, 10, 23), None),  # born tomorrow
    ],
)
def test_the_zurich_cards_prices_at_their_boundaries(born: date, price: Money | None) -> None:
    assert price_for(ZURICH, born, date(2021, 10, 22)) == price


@given(st.integers(min_value=-5, max_value=3000), st.permutations(CARD))
def test_of_two_rows_that_contain_an_age_the_lower_maximum_wins_in_any_order(age: int, rows: list[PriceRow]) -> None:
    assert row_at_age(tuple(rows), age) == row_at_age(CARD, age)
