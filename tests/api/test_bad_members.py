"""Invalid members get a clear problem; nothing is stored and no input is echoed."""

from typing import Any

import pytest

from domain.model import MAX_NUMBER
from tests.support.canary import ADULT, FAMILY, find_canaries
from tests.support.world import World

UNECHOED = "Gulfugl-unechoed"

# Tables of values stay compact: one value per line would hide the test below them.
BIRTH_DATES: list[object] = [
    0, 20000218, "2000-02-18T15:00:00", "2000-02-18T00:00:00", "0000-01-01", "2023-02-30", "2999-01-01", "1850-01-01",
    "18.02.2000", True, 1e3, "", ["2000-02-18"],
]  # fmt: skip


@pytest.mark.parametrize("birth_date", BIRTH_DATES, ids=str)
async def test_a_birth_date_nobody_can_have(world: World, birth_date: object) -> None:
    search = {"product": "standard", "service": world.train(), "travellers": [{"id": ADULT, "birth_date": birth_date}]}
    answer = await world.post("/v1/offers", search)
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")
    order = await world.order()
    details = {"op": "set_travellers", "travellers": [{"id": ADULT, "birth_date": birth_date}]}
    answer = await world.change(order, details)
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")


@pytest.mark.only_on("sqlite")  # the store is not queried
@pytest.mark.parametrize(
    "search",
    [
        {"product": "standard"},
        {"travellers": []},
        {"product": "nova_zurichcard24", "travellers": [{"id": "a"}]},
        {"product": "nova_zurichcard24", "valid_from": "2027-01-01T00:00:00", "travellers": [{"id": "a"}]},
        {"product": "nova_zurichcard24", "valid_from": 0, "travellers": [{"id": "a"}]},
        {"service": "x", "travellers": []},
        {"service": "x", "travellers": [{"id": "a"}] * 2},
        {"service": "x", "travellers": [{"id": f"t{number}"} for number in range(51)]},
        {"service": "x", "travellers": [{"id": "a b"}]},
        {"service": "x", "travellers": [{"id": ""}]},
        {"service": "x", "travellers": [{"id": "a", "price": 1}]},
        {"service": "x", "time_zone": "Nowhere", "travellers": [{"id": "a"}]},
    ],
    ids=str,
)
async def test_a_search_that_says_too_little_or_too_much(world: World, search: dict[str, Any]) -> None:
    answer = await world.post("/v1/offers", search)
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")


# Tables of values stay compact: one value per line would hide the test below them.
OPERATIONS: list[object] = [
    None, [], "add_lines", [{}], [{"op": "cancel_everything"}], [{"op": "add_lines"}],
    [{"op": "add_lines", "offer_bundle_id": "b'; DROP TABLE orders"}],
    [{"op": "add_lines", "offer_bundle_id": "b", "price": "1.00"}],
    [{"op": "add_lines", "offer_bundle_id": "b", "traveller_ids": ["a", "a"]}],
    [{"op": "add_lines", "offer_bundle_id": "b", "travellers": [{"id": "a"}, {"id": "a"}]}],
    [{"op": "add_lines", "offer_bundle_id": "b", "seats": ["2-07", "2-07"]}],
    [{"op": "add_lines", "offer_bundle_id": "b", "seats": ["window"]}],
    [{"op": "add_lines", "offer_bundle_id": "b", "supplements": [{"supplement": "MEAL", "count": 0}]}],
    [{"op": "add_lines", "offer_bundle_id": "b", "supplements": [{"supplement": "MEAL", "count": "1"}]}],
    [{"op": "add_lines", "offer_bundle_id": "b", "supplements": [{"supplement": "MEAL", "count": 1.0}]}],
    [{"op": "replace_lines", "lines": [], "with": [{"offer_bundle_id": "b"}]}],
    [{"op": "replace_lines", "lines": ["26-100001-1"], "with": []}],
    [{"op": "replace_lines", "lines": ["26-100001-1"] * 2, "with": [{"offer_bundle_id": "b"}]}],
    [{"op": "replace_lines", "lines": ["line one"], "with": [{"offer_bundle_id": "b"}]}],
    [{"op": "replace_lines", "lines": ["26-100001-1"], "with_": [{"offer_bundle_id": "b"}]}],
    [{"op": "remove_lines", "lines": []}],
    [{"op": "remove_lines", "lines": ["26-100001-1"]}] * 51,
]  # fmt: skip


@pytest.mark.parametrize("operations", OPERATIONS, ids=lambda value: str(value)[:80])
async def test_operations_that_make_no_sense(world: World, operations: object) -> None:
    order = await world.order()
    before = world.rows()
    for path in ("changes", "quotes"):
        answer = await world.post(f"/v1/orders/{order}/{path}", {"operations": operations})
        assert (answer.status, answer.code) == (422, "MEMBER_INVALID")
        assert answer.body["errors"][0]["pointer"].startswith("/operations")
    assert world.rows() == before


async def test_a_list_is_not_called_too_short_for_what_is_wrong_inside_it(world: World) -> None:
    answer = await world.post(f"/v1/orders/{await world.order()}/quotes", {"operations": [{"op": "add_lines"}]})
    assert [each["pointer"] for each in answer.body["errors"]] == ["/operations/0/offer_bundle_id"]


@pytest.mark.parametrize(
    "more",
    [{"confirm": "true"}, {"confirm": 1}, {"refund_price_difference": "no"}, {"payment": {"token": "t"}}],
    ids=str,
)
async def test_flags_are_true_or_false_and_a_payment_has_a_method(world: World, more: dict[str, Any]) -> None:
    operations = [{"op": "remove_lines", "lines": ["26-100001-1"]}]
    answer = await world.post(f"/v1/orders/{await world.order()}/changes", {"operations": operations} | more)
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")


# Tables of values stay compact: one value per line would hide the test below them.
AMOUNTS: list[object] = [
    True, 1, 1.0, 3.542, -1, -0.0, "-0", "-1.00", "1", "1.0", "1.000", "0.00", "-0.00", "1e2", "NaN",
    "8.161999999999999", None, "", "99999999999999999.00", str(MAX_NUMBER) + "0.00", "1,00", " 1.00",
]  # fmt: skip


@pytest.mark.parametrize("amount", AMOUNTS, ids=str)
async def test_an_amount_is_decimal_text_with_the_currencys_places(world: World, amount: object) -> None:
    body = {"amount": amount, "currency": "NOK", "method": "card", "token": "tok_ok"}
    answer = await world.post(f"/v1/orders/{await world.order()}/payments", body)
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")


@pytest.mark.parametrize("when", [0, "2027-01-01T00:00:00", "tomorrow", None, "2027-13-01T00:00:00Z", True])
async def test_a_deadline_is_an_instant_with_an_offset(world: World, when: object) -> None:
    answer = await world.send("PATCH", f"/v1/orders/{await world.order()}", {"expires_at": when})
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")


NAMES = ["O'Brien", "Åse-Marie", "李", "X", "de la Cruz y Ortega", "Ng", "<script>alert(1)</script>", "=cmd()", "أحمد"]


@pytest.mark.parametrize("name", NAMES)
async def test_names_people_have_are_taken_as_they_are(world: World, name: str) -> None:
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    details = {"id": ADULT, "given_name": name, "family_name": name}
    answer = await world.change(order, {"op": "add_lines", "offer_bundle_id": bundle, "travellers": [details]})
    assert answer.status == 200, answer.body
    assert (await world.show(order))["travellers"][0]["given_name"] == name


@pytest.mark.parametrize(
    "name", ["", "  ", "a\tb", "a\u200e", "a\u0000", "a" * 101, "a" + "\u0301" * 1000, "\u202e", 7, ["a"]]
)
async def test_names_nobody_has_are_refused_and_not_repeated(world: World, name: object) -> None:
    details = {"id": ADULT, "given_name": name, "family_name": FAMILY + UNECHOED}
    answer = await world.change(await world.order(), {"op": "set_travellers", "travellers": [details]})
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")
    assert not find_canaries(str(answer.body).encode())
