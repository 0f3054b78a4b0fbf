"""A catalogue is sold from only when it is free of faults; each fault is found and located."""

from decimal import Decimal
from typing import Any

import pytest

from domain.catalogue_rules import MAX_PRICE, Listing, find_faults
from domain.money import Money
from domain.products import GroupSize, PriceRow, Product, Supplement


def nok(minor: int) -> Money:
    return Money(minor, "NOK")


def row(youngest: int = 0, oldest: int = 2500, price: Money | None = None, **more: Any) -> PriceRow:
    return PriceRow(min_age=youngest, max_age=oldest, price=price or nok(100), **more)


def product(**members: Any) -> Product:
    values: dict[str, Any] = {
        "id": "ticket",
        "name": "Ticket",
        "currency": "NOK",
        "prices": (row(),),
        "tax_rate": Decimal("0.12"),
        "change_fee": nok(0),
    }
    return Product(**(values | members))


def supplement(**members: Any) -> Supplement:
    values: dict[str, Any] = {
        "id": "meal",
        "name": "Meal",
        "price": nok(100),
        "tax_rate": Decimal("0.15"),
        "changes_seating": False,
    }
    return Supplement(**(values | members))


def faults(*products: Product, supplements: tuple[Supplement, ...] = (), **more: Any) -> dict[str, str]:
    """Return the faults of a catalogue, by pointer; each pointer has one."""
    listing = Listing(
        products={f"/products/{number}": each for number, each in enumerate(products)},
        supplements={f"/supplements/{number}": each for number, each in enumerate(supplements)},
        **{"railway_lines": frozenset({"north"}), **more},
    )
    found = find_faults(listing)
    assert len({each.pointer for each in found}) == len(found)
    return {each.pointer: each.detail for each in found}


def pointers(*products: Product, **more: Any) -> list[str]:
    return sorted(faults(*products, **more))


def test_a_plain_catalogue_has_no_faults() -> None:
    sells = product(railway_line="north", supplements=("meal",), validity="P1D", parent="anything")
    assert faults(sells, product(id="other", group=GroupSize(smallest=1, largest=6)), supplements=(supplement(),)) == {}


def test_a_product_has_one_currency_with_its_prices_fee_and_supplements() -> None:
    mixed = product(
        prices=(row(0, 15, Money(100, "CHF")), row(16)), change_fee=Money(0, "EUR"), supplements=("meal", "tea")
    )
    tea = supplement(id="tea", price=Money(100, "DKK"))
    assert faults(mixed, supplements=(supplement(), tea)) == {
        "/products/0/change_fee/currency": "is not the product's currency",
        "/products/0/prices/0/price/currency": "is not the product's currency",
        "/products/0/supplements/1": "has its price in DKK, and the product in NOK",
    }


def test_an_unknown_currency_is_one_fault() -> None:
    assert pointers(product(currency="XXX", supplements=("meal",)), supplements=(supplement(),)) == [
        "/products/0/currency"
    ]
    assert pointers(product(currency="nok")) == ["/products/0/currency"]


@pytest.mark.parametrize("minor", [-1, MAX_PRICE + 1])
def test_no_amount_is_negative_or_too_large_to_add_up(minor: int) -> None:
    wrong = product(prices=(row(price=nok(minor)),), change_fee=nok(minor))
    assert pointers(wrong, supplements=(supplement(price=nok(minor)),)) == [
        "/products/0/change_fee/minor",
        "/products/0/prices/0/price/minor",
        "/supplements/0/price/minor",
    ]
    assert pointers(product(prices=(row(price=nok(0)),), change_fee=nok(MAX_PRICE))) == []


@pytest.mark.parametrize("rate", ["-0.01", "1", "1.2", "12", "0.12345678901", "0E-11", "0E+2"])
def test_a_tax_rate_is_from_0_up_to_1(rate: str) -> None:
    wrong = {"tax_rate": Decimal(rate)}
    assert pointers(product(**wrong), supplements=(supplement(**wrong),)) == [
        "/products/0/tax_rate",
        "/supplements/0/tax_rate",
    ]


@pytest.mark.parametrize("rate", ["0", "0.00", "0.999", "0.0770000000", "1E-3"])
def test_no_tax_and_nearly_all_of_the_price_are_rates(rate: str) -> None:
    assert faults(product(tax_rate=Decimal(rate))) == {}


def test_the_supplements_of_a_product_are_known_and_listed_once() -> None:
    assert faults(product(supplements=("meal", "tea", "meal")), supplements=(supplement(),)) == {
        "/products/0/supplements/1": "is no supplement of this catalogue, nor one that was loaded before",
        "/products/0/supplements/2": "is listed twice",
    }


def test_what_was_loaded_before_counts_as_it_will_be_afterwards() -> None:
    sells_tea, tea = product(supplements=("tea",)), supplement(id="tea")
    assert pointers(sells_tea, loaded_supplements=(tea,)) == []
    in_kroner = supplement(id="tea", price=Money(100, "DKK"))
    assert pointers(sells_tea, loaded_supplements=(in_kroner,)) == ["/products/0/supplements/0"]
    assert pointers(sells_tea, loaded_supplements=(in_kroner,), supplements=(tea,)) == []


def test_a_supplement_keeps_the_currency_of_products_loaded_before_that_sell_it() -> None:
    loaded = (product(id="old", supplements=("meal",)),)
    wrong = (supplement(price=Money(100, "DKK")),)
    assert faults(supplements=wrong, loaded_products=loaded) == {
        "/supplements/0/price/currency": "is not that of old, a product loaded before that sells it"
    }
    replaced = product(id="old", currency="DKK", prices=(row(price=Money(1, "DKK")),), change_fee=Money(0, "DKK"))
    assert pointers(replaced, supplements=wrong, loaded_products=loaded) == []


def test_an_id_is_given_once_to_products_and_supplements_together() -> None:
    assert pointers(product(), product(), product(id="meal"), supplements=(supplement(), supplement())) == [
        "/products/1/id",
        "/supplements/0/id",
        "/supplements/1/id",
    ]
    assert pointers(product(id="meal"), loaded_supplements=(supplement(),)) == ["/products/0/id"]
    assert pointers(supplements=(supplement(id="ticket"),), loaded_products=(product(),)) == ["/supplements/0/id"]
    assert pointers(product(), loaded_products=(product(),)) == []


def test_a_railway_line_has_departures() -> None:
    assert pointers(product(railway_line="north"), product(id="b", railway_line="nort")) == ["/products/1/railway_line"]


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([], ["/prices"]),
        ([(16, 15)], ["/prices/0/min_age"]),
        ([(5, 15), (15, 2500)], []),  # the Zürich card: a child at 15
        ([(15, 2500), (5, 15)], []),
        ([(0, 5), (0, 15), (0, 2500)], []),  # nested: the lowest maximum wins
        ([(6, 15)], []),  # not sold to others
        ([(0, 15), (10, 15)], ["/prices/1/max_age"]),
        ([(0, 15), (16, 2500), (66, 2500)], ["/prices/2/max_age"]),
        ([(0, 15), (17, 2500)], ["/prices/1/min_age"]),
        ([(67, 2500), (0, 5), (16, 66)], ["/prices/2/min_age"]),
        ([(0, 20), (5, 10), (21, 30)], []),
    ],
)
def test_every_age_between_the_first_and_the_last_has_one_price(rows: list[tuple[int, int]], wrong: list[str]) -> None:
    found = pointers(product(prices=tuple(row(*each) for each in rows)))
    assert found == [f"/products/0{each}" for each in wrong]


def test_a_gap_says_which_ages_it_leaves_out() -> None:
    assert faults(product(prices=(row(0, 4), row(6, 10), row(16)))) == {
        "/products/0/prices/1/min_age": "leaves age 5 without a price",
        "/products/0/prices/2/min_age": "leaves age 11 to 15 without a price",
    }


def test_a_group_has_sizes_in_order_and_one_price_without_marks() -> None:
    wrong = product(group=GroupSize(smallest=6, largest=2), prices=(row(0, 15), row(16, accompanied=True, seat=False)))
    assert pointers(wrong, product(id="b", group=GroupSize(smallest=0, largest=2))) == [
        "/products/0/group/smallest",
        "/products/0/prices",
        "/products/0/prices/1/accompanied",
        "/products/0/prices/1/seat",
        "/products/1/group/smallest",
    ]


def test_somebody_may_accompany_who_must_be_accompanied() -> None:
    infant = row(0, 1, accompanied=True)
    assert pointers(product(prices=(infant,))) == ["/products/0/prices/0/accompanied"]
    assert pointers(product(prices=(infant, row(2, accompanies=0)))) == ["/products/0/prices/0/accompanied"]
    assert pointers(product(prices=(infant, row(2)))) == []


def test_company_is_on_the_same_railway_line_or_else_of_the_same_family() -> None:
    infants = {"id": "infant", "prices": (row(0, 1, accompanied=True),)}
    north = product(railway_line="north")
    assert pointers(product(**infants, railway_line="north"), north) == []
    assert pointers(product(**infants, railway_line="north"), loaded_products=(north,)) == []
    assert pointers(product(**infants, railway_line="north"), product()) != []
    assert pointers(product(**infants), product()) != []
    assert pointers(product(**infants), north) != []
    assert pointers(product(**infants, family="pass"), product(family="pass")) == []
    assert pointers(product(**infants, family="pass"), product(parent="pass")) == []
    assert pointers(product(**infants, parent="ticket"), product()) == []


def test_a_validity_and_a_number_for_each_traveller_are_more_than_nothing() -> None:
    wrong = supplement(max_per_traveller=0)
    assert pointers(product(validity="P0D"), supplements=(wrong,)) == [
        "/products/0/validity",
        "/supplements/0/max_per_traveller",
    ]
    assert pointers(product(capacity=0), supplements=(supplement(capacity=0),)) == []


@pytest.mark.parametrize(
    ("validity", "wrong"), [(None, True), ("P366D", True), ("P1Y", True), ("P999Y", True), ("P365D", False)]
)
def test_a_capacity_on_each_day_needs_a_validity_of_a_year_at_most(validity: str | None, wrong: bool) -> None:  # noqa: FBT001 - the expected answer
    each_day = {"capacity": 3, "capacity_per": "each_day"}
    assert pointers(product(validity=validity, **each_day)) == ["/products/0/capacity_per"] * wrong
    locker = (supplement(**each_day),)
    sells = product(validity=validity, supplements=("meal",))
    assert pointers(sells, supplements=locker) == ["/supplements/0/capacity_per"] * wrong
    assert pointers(supplements=locker, loaded_products=(sells,)) == ["/supplements/0/capacity_per"] * wrong
    on_trains = {"railway_line": "north", "validity": validity, "supplements": ("meal",)}
    assert pointers(product(**on_trains, **each_day), supplements=locker) == []
    assert pointers(product(validity=validity, capacity_per="each_day")) == []


def test_a_product_has_no_line_to_take_its_limits_of_time_from() -> None:
    line = {"returnable_until": "line", "sold_until": "line"}
    assert pointers(product(**line), supplements=(supplement(**line),)) == [
        "/products/0/returnable_until",
        "/products/0/sold_until",
    ]


def test_a_field_of_travellers_is_one_that_they_have() -> None:
    wrong = product(fields_for_offer=("birth_date", "age"), fields_for_order=("name", "passport"))
    assert pointers(wrong) == ["/products/0/fields_for_offer/1", "/products/0/fields_for_order/0"]


def test_every_fault_is_found_at_once() -> None:
    wrong = product(prices=(), tax_rate=Decimal(2), change_fee=nok(-1), validity="P0D", supplements=("x",))
    assert len(pointers(wrong, wrong.model_copy(update={"id": "other"}))) == 10


def test_a_part_of_a_catalogue_may_refer_to_another_part() -> None:
    infant = product(
        railway_line="south", supplements=("x",), prices=(row(0, 2500, accompanied=True),), change_fee=nok(-1)
    )
    assert pointers(infant) == [
        "/products/0/change_fee/minor",
        "/products/0/prices/0/accompanied",
        "/products/0/railway_line",
        "/products/0/supplements/0",
    ]
    assert pointers(infant, whole=False) == ["/products/0/change_fee/minor"]


def test_a_part_of_a_catalogue_goes_together() -> None:
    in_francs = supplement(price=Money(100, "CHF"))
    assert pointers(product(supplements=("meal",)), supplements=(in_francs,), whole=False) == [
        "/products/0/supplements/0"
    ]
