"""What is offered, and what an offer promises: price, rate, terms, validity and the marks of each traveller's age."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.money import Money
from domain.offers import Offer, OfferBundle, Service
from domain.products import GroupSize, PriceRow, Product
from domain.terms import ReturnableUntil, SoldUntil, Terms
from providers.pricing import build_bundle
from providers.protocols import OfferSearch, SearchTraveller

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
OSLO = "Europe/Oslo"
ADULT, CHILD, INFANT = date(1990, 5, 4), date(2019, 8, 7), date(2026, 6, 1)
TRAIN = Service(id="4711", railway_line="north", departs_at=NOW + timedelta(days=1), day=date(2027, 3, 2))


def nok(minor: int) -> Money:
    return Money(minor, "NOK")


def product(**members: Any) -> Product:
    values: dict[str, Any] = {
        "id": "card",
        "name": "Card",
        "currency": "NOK",
        "prices": (
            PriceRow(min_age=0, max_age=1, price=nok(0), seat=False, accompanied=True),
            PriceRow(min_age=2, max_age=15, price=nok(1667), accompanies=0),
            PriceRow(min_age=16, max_age=2500, price=nok(3333), accompanies=2),
        ),
        "tax_rate": Decimal("0.12"),
        "change_fee": nok(500),
    }
    return Product(**(values | members))


def search(sold: Product, *born: date | None, service: Service | None = None, **more: Any) -> OfferBundle | None:
    travellers = tuple(SearchTraveller(f"t{number}", birth) for number, birth in enumerate(born or (ADULT,)))
    values: dict[str, Any] = {"valid_from": NOW, "time_zone": OSLO, "now": NOW} | more
    query = OfferSearch(sold.id, None, values["valid_from"], values["time_zone"], travellers)
    return build_bundle(sold, query, service, values["now"], timedelta(minutes=20))


def offer(sold: Product, *born: date | None, **more: Any) -> Offer:
    bundle = search(sold, *born, **more)
    assert bundle is not None
    (offered,) = bundle.offers
    return offered


def test_an_offer_promises_the_rate_and_the_terms_of_its_product() -> None:
    sold = product(returnable_until="end", sold_until="always")
    promised = offer(sold)
    assert promised.tax_rate == Decimal("0.12")
    assert promised.terms == Terms(
        change_fee=nok(500), returnable_until=ReturnableUntil.END, sold_until=SoldUntil.ALWAYS
    )
    assert Offer.model_validate_json(promised.model_dump_json()) == promised


def test_each_traveller_has_the_price_and_the_marks_of_their_age() -> None:
    adult, child, infant = offer(product(), ADULT, CHILD, INFANT).travellers
    assert (adult.price, adult.seat, adult.accompanied, adult.accompanies) == (nok(3333), True, False, 2)
    assert (child.price, child.seat, child.accompanied, child.accompanies) == (nok(1667), True, False, 0)
    assert (infant.price, infant.seat, infant.accompanied) == (nok(0), False, True)


def test_an_infant_alone_is_offered_because_an_adult_may_come_later() -> None:
    assert offer(product(), INFANT).travellers[0].accompanied


def test_travellers_of_a_group_have_no_marks_and_share_its_price() -> None:
    group = product(
        group=GroupSize(smallest=1, largest=6), prices=(PriceRow(min_age=0, max_age=2500, price=nok(9999)),)
    )
    sold = offer(group, ADULT, INFANT, None)
    marks = {(each.price, each.seat, each.accompanied, each.accompanies) for each in sold.travellers}
    assert (marks, sold.group_price) == ({(nok(0), True, False, 1)}, nok(9999))


@pytest.mark.parametrize(
    ("validity", "valid_from", "ends", "last_day"),
    [
        (None, "2027-03-01T10:00+01:00", None, None),
        ("PT24H", "2027-03-01T10:00+01:00", "2027-03-02T10:00+01:00", "2027-03-02"),
        ("P1D", "2027-03-01T00:00+01:00", "2027-03-02T00:00+01:00", "2027-03-01"),
        ("P1D", "2027-03-27T10:00+01:00", "2027-03-28T10:00+02:00", "2027-03-28"),
        ("PT24H", "2027-03-27T10:00+01:00", "2027-03-28T11:00+02:00", "2027-03-28"),
        ("P1M", "2027-03-31T10:00+02:00", "2027-04-30T10:00+02:00", "2027-04-30"),
        ("P1Y", "2027-03-01T10:00+01:00", "2028-03-01T10:00+01:00", "2028-03-01"),
    ],
)
def test_validity_without_a_service_ends_by_the_clocks_of_the_zone(
    validity: str | None, valid_from: str, ends: str | None, last_day: str | None
) -> None:
    sold = offer(product(validity=validity), valid_from=datetime.fromisoformat(valid_from).astimezone(UTC))
    assert sold.valid_until == (datetime.fromisoformat(ends) if ends else None)
    assert sold.last_day == (date.fromisoformat(last_day) if last_day else None)


def test_the_zone_of_the_search_decides_where_a_day_ends() -> None:
    day = product(validity="P1M")
    late = datetime(2027, 2, 28, 20, tzinfo=UTC)
    assert offer(day, valid_from=late, time_zone="Pacific/Auckland").valid_until == datetime(
        2027, 3, 31, 20, tzinfo=UTC
    )
    assert offer(day, valid_from=late, time_zone="UTC").valid_until == datetime(2027, 3, 28, 20, tzinfo=UTC)


def test_validity_with_a_service_has_no_end_of_its_own() -> None:
    sold = offer(product(validity="PT1H", railway_line="north"), service=TRAIN)
    assert (sold.valid_until, sold.last_day) == (None, None)


def test_validity_beyond_the_calendar_never_ends() -> None:
    assert offer(product(validity="P999Y", sold_ahead="P999Y"), valid_from=NOW).valid_until is not None
    last = datetime(9999, 12, 31, tzinfo=UTC)
    anybody = (PriceRow(min_age=0, max_age=9000, price=nok(1)),)
    forever = product(validity="P1Y", sold_ahead="P999Y", prices=anybody)
    assert offer(forever, valid_from=last, now=last).valid_until is None


def test_a_withdrawn_product_is_not_offered() -> None:
    assert search(product(withdrawn=True)) is None
    assert search(product(withdrawn=True, railway_line="north"), service=TRAIN) is None


def test_a_cancelled_or_departed_service_is_not_offered() -> None:
    sold = product(railway_line="north")
    assert search(sold, service=TRAIN) is not None
    assert search(sold, service=TRAIN.model_copy(update={"cancelled": True})) is None
    assert search(sold, service=TRAIN, now=TRAIN.departs_at - timedelta(seconds=1)) is not None
    assert search(sold, service=TRAIN, now=TRAIN.departs_at) is None


@pytest.mark.parametrize(
    ("sold_until", "last"),
    [("start", timedelta(0)), ("end", timedelta(hours=24)), ("always", None)],
)
def test_without_a_service_it_is_offered_until_its_sale_ends_and_not_at_that_instant(
    sold_until: str, last: timedelta | None
) -> None:
    sold = product(validity="PT24H", sold_until=sold_until)
    if last is None:
        assert search(sold, now=NOW + timedelta(days=300)) is not None
        return
    assert search(sold, now=NOW + last - timedelta(microseconds=1)) is not None
    assert search(sold, now=NOW + last) is None


def test_what_never_ends_is_offered_however_long_ago_it_began() -> None:
    assert search(product(), valid_from=datetime(2021, 10, 22, tzinfo=UTC)) is not None
    assert search(product(validity="PT24H"), valid_from=datetime(2021, 10, 22, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("sold_ahead", "latest"),
    [
        ("PT48H", "2027-03-03T12:00+00:00"),
        ("P1M", "2027-04-01T11:00+00:00"),  # 13:00 in Oslo on both days, in summer time then
        ("P1Y", "2028-03-01T12:00+00:00"),
        ("PT1M", "2027-03-01T12:01+00:00"),
    ],
)
def test_it_is_not_offered_further_ahead_than_it_is_sold(sold_ahead: str, latest: str) -> None:
    sold, last = product(sold_ahead=sold_ahead), datetime.fromisoformat(latest)
    train = TRAIN.model_copy(update={"departs_at": last})
    assert search(sold, valid_from=last) is not None
    assert search(sold, service=train, now=NOW) is not None
    later = last + timedelta(microseconds=1)
    assert search(sold, valid_from=later) is None
    assert search(sold, service=train.model_copy(update={"departs_at": later}), now=NOW) is None


def test_a_product_is_sold_a_year_ahead_unless_it_says_otherwise() -> None:
    assert search(product(), valid_from=datetime(2028, 3, 1, 12, tzinfo=UTC)) is not None
    assert search(product(), valid_from=datetime(2028, 3, 1, 12, 1, tzinfo=UTC)) is None
