"""Durations: exact ones run by the clock, calendar ones keep the local time of the zone a line was sold in."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.durations import Duration, after, is_empty

OSLO = "Europe/Oslo"
ZONES = sorted(available_timezones())
starts = st.integers(-(70 * 366 * 86_400), 130 * 366 * 86_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
zones = st.sampled_from(ZONES)


def local(text: str, zone: str = OSLO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def end(start: str, duration: str, zone: str = OSLO) -> str:
    """Return the local time at which a duration from a local time ends."""
    return after(local(start, zone), duration, zone).astimezone(ZoneInfo(zone)).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("start", "duration", "ends"),
    [
        ("2027-03-01T10:00", "PT24H", "2027-03-02T10:00+01:00"),
        ("2027-03-01T10:00", "PT90M", "2027-03-01T11:30+01:00"),
        ("2027-03-01T10:00", "PT1H30M", "2027-03-01T11:30+01:00"),
        ("2027-03-01T10:00", "PT5400S", "2027-03-01T11:30+01:00"),
        ("2027-03-01T10:00", "P1D", "2027-03-02T10:00+01:00"),
        ("2027-03-01T10:00", "P2W", "2027-03-15T10:00+01:00"),
        ("2027-03-01T10:00", "P1Y2M3W4D", "2028-05-26T10:00+02:00"),
        ("2027-03-01T10:00", "P0D", "2027-03-01T10:00+01:00"),
        ("2027-12-31T23:59", "P1M", "2028-01-31T23:59+01:00"),
        ("2027-12-15T10:00", "P25M", "2030-01-15T10:00+01:00"),
    ],
)
def test_a_duration_ends_after_its_hours_or_its_days(start: str, duration: str, ends: str) -> None:
    assert end(start, duration) == ends


@pytest.mark.parametrize(
    ("start", "duration", "ends"),
    [
        # The clocks go forward on 28 March 2027 at 02:00, and back on 31 October 2027 at 03:00.
        ("2027-03-27T10:00", "P1D", "2027-03-28T10:00+02:00"),
        ("2027-03-27T10:00", "PT24H", "2027-03-28T11:00+02:00"),
        ("2027-10-30T10:00", "P1D", "2027-10-31T10:00+01:00"),
        ("2027-10-30T10:00", "PT24H", "2027-10-31T09:00+01:00"),
        ("2027-03-27T02:30", "P1D", "2027-03-28T03:30+02:00"),
        ("2027-10-30T02:30", "P1D", "2027-10-31T02:30+02:00"),
        ("2027-02-28T02:30", "P1M", "2027-03-28T03:30+02:00"),
    ],
)
def test_a_calendar_day_has_23_or_25_hours_when_the_clocks_change(start: str, duration: str, ends: str) -> None:
    assert end(start, duration) == ends


def test_a_start_in_the_hour_that_occurs_twice_keeps_its_instant() -> None:
    second = local("2027-10-31T02:30").replace(fold=1)
    assert after(second, "P0D", OSLO) == second.astimezone(UTC) == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
    assert after(second, "PT1H", OSLO) == datetime(2027, 10, 31, 2, 30, tzinfo=UTC)
    assert after(second, "P1D", OSLO) == datetime(2027, 11, 1, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "duration", "ends"),
    [
        ("2027-01-31T10:00", "P1M", "2027-02-28T10:00+01:00"),
        ("2028-01-31T10:00", "P1M", "2028-02-29T10:00+01:00"),
        ("2027-01-31T10:00", "P3M", "2027-04-30T10:00+02:00"),
        ("2028-02-29T10:00", "P1Y", "2029-02-28T10:00+01:00"),
        ("2028-02-29T10:00", "P4Y", "2032-02-29T10:00+01:00"),
        ("2096-02-29T10:00", "P4Y", "2100-02-28T10:00+01:00"),
        ("2027-02-28T10:00", "P1M", "2027-03-28T10:00+02:00"),
        # Months come before days: the last day of February, and a day.
        ("2027-01-31T10:00", "P1M1D", "2027-03-01T10:00+01:00"),
    ],
)
def test_a_month_without_that_day_ends_on_its_last(start: str, duration: str, ends: str) -> None:
    assert end(start, duration) == ends


def test_the_zone_of_the_sale_decides_and_not_that_of_the_start() -> None:
    # In Auckland it is already 1 March, so that a month ends on 1 April there; in Oslo it is 28 February.
    start = datetime(2027, 2, 28, 20, tzinfo=UTC)
    assert after(start, "P1M", "Pacific/Auckland") == datetime(2027, 3, 31, 20, tzinfo=UTC)
    assert after(start, "P1M", OSLO) == datetime(2027, 3, 28, 19, tzinfo=UTC)
    elsewhere = start.astimezone(timezone(timedelta(hours=-11)))
    assert after(elsewhere, "P1M", OSLO) == datetime(2027, 3, 28, 19, tzinfo=UTC)


def test_a_day_that_a_zone_left_out_ends_as_much_later() -> None:
    # Samoa had no 30 December 2011.
    assert end("2011-12-29T10:00", "P1D", "Pacific/Apia") == "2011-12-31T10:00+14:00"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "P",
            "PT",
            "1D",
            "p1d",
            "P1",
            "P1D ",
            " P1D",
            "P1D\n",
            "-P1D",
            "P-1D",
            "P1.5D",
            "P1,5D",
            "P1DT2H",
            "PT1D",
        ),
        *(
            "P1H",
            "PT1M1H",
            "P1D1M",
            "P1M1Y",
            "P1Y1Y",
            "P1000Y",
            "P٣D",
            "PT٣H",
            "P\uff11D",
            "P1D/P1D",
            "tomorrow",
            "24:00",
        ),
        *("P100000D", "PT1000000H"),
    ],
)
def test_other_text_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        after(datetime(2027, 1, 1, tzinfo=UTC), text, OSLO)
    with pytest.raises(ValidationError, match="ISO 8601"):
        TypeAdapter(Duration).validate_python(text)


@pytest.mark.parametrize("value", [None, 1, True, timedelta(days=1), b"P1D", ["P1D"]])
def test_a_member_that_is_no_text_is_no_duration(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(value)


@pytest.mark.parametrize("start", ["9999-12-30T10:00", "9999-12-31T23:30"])
@pytest.mark.parametrize("duration", ["P2D", "P1M", "P1Y", "P999Y", "PT48H", "P9999M"])
def test_an_end_beyond_the_year_9999_overflows(start: str, duration: str) -> None:
    with pytest.raises(OverflowError):
        after(datetime.fromisoformat(start).replace(tzinfo=UTC), duration, "Pacific/Apia")


def test_a_start_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        after(datetime.fromisoformat("2027-01-01"), "P1D", OSLO)


@pytest.mark.parametrize(("text", "empty"), [("P0D", True), ("PT0H0M", True), ("P0Y1D", False), ("PT1S", False)])
def test_an_empty_duration_is_known(text: str, empty: bool) -> None:  # noqa: FBT001 - the expected answer
    assert is_empty(text) is empty


@given(starts, zones, st.integers(0, 400), st.integers(0, 400))
def test_more_days_never_end_earlier(start: datetime, zone: str, days: int, more: int) -> None:
    ends = after(start, f"P{days}D", zone)
    assert start <= ends <= after(start, f"P{days + more}D", zone)
    assert abs(ends - start - timedelta(days=days)) <= timedelta(hours=26)


@given(starts, zones, st.integers(0, 1200))
def test_years_are_twelve_months_and_weeks_seven_days(start: datetime, zone: str, number: int) -> None:
    assert after(start, f"P{number % 200}Y", zone) == after(start, f"P{12 * (number % 200)}M", zone)
    assert after(start, f"P{number}W", zone) == after(start, f"P{7 * number}D", zone)


@given(starts, zones, st.integers(0, 1_000))
def test_a_calendar_duration_keeps_the_local_time_where_the_clocks_have_it(
    start: datetime, zone: str, months: int
) -> None:
    ends = after(start, f"P{months}M", zone).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    time = start.astimezone(ZoneInfo(zone)).time()
    # Clocks that go forward before midnight may move the end to the next day.
    days = (ends.date(), ends.date() - timedelta(days=1))
    assert ends.time() == time or not all(_exists(datetime.combine(day, time), zone) for day in days)


def _exists(moment: datetime, zone: str) -> bool:
    aware = moment.replace(tzinfo=ZoneInfo(zone))
    return aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == moment


@given(starts, zones, st.integers(0, 999_999))
def test_hours_are_exact_in_every_zone(start: datetime, zone: str, hours: int) -> None:
    assert after(start.astimezone(ZoneInfo(zone)), f"PT{hours}H", zone) == start + timedelta(hours=hours)
