"""An operator reads what a step holds, where."""

import pytest

from activities.seats import ReserveSeatsCommand
from activities.support.errors import refusal_in
from domain.refusals import SoldOut
from providers.errors import NoSeatsLeftError, NoStockLeftError
from tests.providers.test_stock_holds import DAY

DAYS = tuple(f"2027-03-{day:02}" for day in range(1, 9))


@pytest.mark.parametrize(
    ("seats", "stock", "places", "summary"),
    [
        (1, {}, ("4711",), "hold 1 seat on 4711"),
        (2, {}, ("4711", "4713"), "hold 2 seats on 4711, 4713"),
        (2, {"BICYCLE": 1}, ("4711",), "hold 2 seats and 1 BICYCLE on 4711"),
        (0, {"BICYCLE": 3}, ("4711",), "hold 3 BICYCLE on 4711"),
        (1, {"SLED": 2, "BICYCLE": 1}, ("4711",), "hold 1 seat, 1 BICYCLE and 2 SLED on 4711"),
        (0, {"PASS": 8}, DAYS, f"hold 8 PASS on {', '.join(DAYS[:5])} and 3 more"),
    ],
)
def test_the_step_is_described_by_what_it_holds_and_where(
    seats: int, stock: dict[str, int], places: tuple[str, ...], summary: str
) -> None:
    command = ReserveSeatsCommand(change="c", order="26-100001", seats=seats, stock=stock, services=places)
    assert command.summary() == summary


@pytest.mark.parametrize(
    ("error", "members"),
    [
        (NoSeatsLeftError(), ()),
        (NoSeatsLeftError("4711"), ({"service": "4711"},)),
        (NoStockLeftError("BICYCLE", "4711"), ({"product": "BICYCLE", "service": "4711"},)),
        (NoStockLeftError("PASS", None, DAY), ({"product": "PASS", "day": "2027-03-01"},)),
    ],
)
def test_a_refusal_names_what_is_sold_out(
    error: NoSeatsLeftError | NoStockLeftError, members: tuple[dict[str, str], ...]
) -> None:
    refusal = refusal_in(error)
    assert isinstance(refusal, SoldOut)
    assert refusal.members == members
