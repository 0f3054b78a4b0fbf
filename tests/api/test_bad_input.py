"""Bad input gets a clear problem, nothing is stored, and nothing of it is echoed."""

from typing import Any

import pytest
from sqlmodel import func, select

from domain.model import LARGEST_NUMBER
from store.tables import ChangeRow, OrderRow
from tests.support.canary import ADULT, FAMILY, canaries_in
from tests.support.world import World, add, people

UNSAID = "Gulfugl-unsaid"
JSON = {"Content-Type": "application/json"}
KEY = {"Idempotency-Key": "bad-input"}


async def raw(world: World, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any], bytes]:
    """Send bytes as they are; return status, problem and the whole answer."""
    sent = JSON | KEY | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await world.http.post(path, content=body, headers=sent)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json(), answer.content


def rows(world: World) -> tuple[int, int]:
    with world.parts.store.read() as tx:
        orders = tx.exec(select(func.count()).select_from(OrderRow)).one()
        return orders, tx.exec(select(func.count()).select_from(ChangeRow)).one()


BODIES = [
    (b'{"currency": "NOK", "external_reference": NaN}', 422),
    (b'{"currency": Infinity}', 422),
    (b'{"currency": -Infinity}', 422),
    (b'{"currency": 1e400}', 422),
    (b'{"currency": "NOK", "external_reference": "\\ud800"}', 422),
    (b'{"currency": "NOK", "external_reference": "nul\\u0000"}', 422),
    (b'{"currency": "NOK", "external_reference": "\\u202egnp.exe"}', 422),
    (b'{"currency": "NOK", "external_reference": "line\\nbreak"}', 422),
    (b'{"currency": "NOK", "external_reference": "   "}', 422),
    (b'{"currency": "NOK", "external_reference": 5}', 422),
    (b'{"currency": "NOK", "external_reference": "' + b"x" * 101 + b'"}', 422),
    (b'{"currency": 2147483648}', 422),
    (b'{"currency": 9223372036854775808}', 422),
    (b'{"currency": true}', 422),
    (b'{"currency": "nok"}', 422),
    (b'{"currency": "XAU"}', 422),
    (b'{"currency": ""}', 422),
    (b"{}", 422),
    (b'{"currency": "NOK", "is_admin": true}', 422),
    (b'{"currency": "NOK", "time_zone": "Mars/Olympus"}', 422),
    (b'{"currency": "NOK", "time_zone": "../../etc/passwd"}', 422),
    (b'{"currency": "NOK", "currency": "CHF"}', 400),
    (b"[" * 100_00 + b"]" * 100_00, 400),
    (b'{"currency": ' + b"9" * 5000 + b"}", 400),
    (b'{"currency": "N\xf8K"}', 400),
    (b'{"currency": "NOK"', 400),
    (b"", 400),
    (b"null", 400),
    (b"[]", 400),
    (b'"NOK"', 400),
    (b"not json", 400),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=lambda value: str(value)[:60])
async def test_a_body_that_is_not_what_the_route_takes(world: World, body: bytes, status: int) -> None:
    before = rows(world)
    found, problem, answer = await raw(world, "/v1/orders", body)
    assert found == status, answer
    assert problem["code"] in {"MALFORMED_BODY", "DUPLICATE_MEMBER", "MEMBER_INVALID"}
    assert b"x" * 50 not in answer
    assert rows(world) == before


async def test_a_byte_order_mark_is_no_mistake(world: World) -> None:
    sent = JSON | {"Idempotency-Key": "bom"}
    answer = await world.http.post("/v1/orders", content=b'\xef\xbb\xbf{"currency": "NOK"}', headers=sent)
    assert answer.status_code == 201


async def test_a_body_over_64_kib_is_not_read(world: World) -> None:
    status, problem, _ = await raw(world, "/v1/orders", b'{"external_reference": "' + b"x" * 65536 + b'"}')
    assert (status, problem["code"]) == (413, "BODY_TOO_LARGE")


async def test_a_body_without_a_length_is_cut_off_too(world: World) -> None:
    async def endless() -> Any:
        for _ in range(20):
            yield b"x" * 8192

    answer = await world.http.post("/v1/orders", content=endless(), headers=JSON | KEY)
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/xml"},
        {"Content_Encoding": "gzip"},
    ],
)
async def test_bodies_are_uncompressed_json_in_utf_8(world: World, headers: dict[str, str]) -> None:
    status, problem, _ = await raw(world, "/v1/orders", b'{"currency": "NOK"}', **headers)
    assert (status, problem["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_answers_are_json(world: World) -> None:
    status, problem, _ = await raw(world, "/v1/orders", b'{"currency": "NOK"}', Accept="text/xml")
    assert (status, problem["code"]) == (406, "NOT_ACCEPTABLE")


BIRTHS: list[object] = [
    0, 20000218, "2000-02-18T15:00:00", "2000-02-18T00:00:00", "0000-01-01", "2023-02-30", "2999-01-01", "1850-01-01",
    "18.02.2000", True, 1e3, "", ["2000-02-18"],
]  # fmt: skip


@pytest.mark.parametrize("birth", BIRTHS, ids=str)
async def test_a_birth_date_nobody_can_have(world: World, birth: object) -> None:
    search = {"product": "standard", "service": world.train(), "travellers": [{"id": ADULT, "birth_date": birth}]}
    answer = await world.post("/v1/offers", search)
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")
    order = await world.order()
    details = {"op": "set_travellers", "travellers": [{"id": ADULT, "birth_date": birth}]}
    answer = await world.change(order, details)
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")


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
    before = rows(world)
    for path in ("changes", "quotes"):
        answer = await world.post(f"/v1/orders/{order}/{path}", {"operations": operations})
        assert (answer.status, answer.code) == (422, "MEMBER_INVALID")
        assert answer.body["errors"][0]["pointer"].startswith("/operations")
    assert rows(world) == before


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


AMOUNTS: list[object] = [
    True, 1, 1.0, 3.542, -1, "-1.00", "1", "1.0", "1.000", "0.00", "-0.00", "1e2", "NaN", "8.161999999999999", None, "",
    "99999999999999999.00", str(LARGEST_NUMBER) + "0.00", "1,00", " 1.00",
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


ORDERS = [
    "26-999999",
    "26-1",
    "x",
    "26-100001%00",
    "..%2F..",
    "26-100001'--",
    "2" * 2000,
    "\u0662\u0666-100000",
    "26-100000%0A",
]


@pytest.mark.parametrize("number", ORDERS, ids=lambda value: value[:20])
async def test_an_order_that_is_not_there_is_not_there_whatever_its_name(world: World, number: str) -> None:
    asked = [
        await world.send("GET", f"/v1/orders/{number}"),
        await world.send("GET", f"/v1/orders/{number}/history"),
        await world.post(f"/v1/orders/{number}/quotes", {"operations": [add("b", ADULT)]}),
        await world.post(f"/v1/orders/{number}/changes", {"operations": [add("b", ADULT)]}),
        await world.post(f"/v1/orders/{number}/confirm", {}),
        await world.send("DELETE", f"/v1/orders/{number}/draft"),
    ]
    assert {(answer.status, answer.code) for answer in asked} <= {(404, "ORDER_NOT_FOUND"), (404, "NOT_FOUND")}


@pytest.mark.parametrize("change", ["x", "a" * 36, "00000000-0000-0000-0000-000000000000", "a" * 3000])
async def test_a_change_that_is_not_there(world: World, change: str) -> None:
    answer = await world.send("GET", f"/v1/changes/{change}")
    assert (answer.status, answer.code) == (404, "CHANGE_NOT_FOUND")


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=1000000000", "limit=abc", "after=-1", "after=x"])
async def test_pages_of_history_are_bounded(world: World, query: str) -> None:
    answer = await world.send("GET", f"/v1/orders/{await world.order()}/history?{query}")
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")


async def test_addresses_and_methods_that_do_not_exist(world: World) -> None:
    for method, path, status, code in (
        ("GET", "/v2/orders", 404, "NOT_FOUND"),
        ("GET", "/", 404, "NOT_FOUND"),
        ("GET", "/v1/orders", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/v1/orders/26-100001", 405, "METHOD_NOT_ALLOWED"),
        ("PUT", "/v1/offers", 405, "METHOD_NOT_ALLOWED"),
    ):
        answer = await world.send(method, path)
        assert (answer.status, answer.code) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"


NAMES = ["O'Brien", "Åse-Marie", "李", "X", "de la Cruz y Ortega", "Ng", "<script>alert(1)</script>", "=cmd()", "أحمد"]


@pytest.mark.parametrize("name", NAMES)
async def test_names_people_have_are_taken_as_they_are(world: World, name: str) -> None:
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    details = {"id": ADULT, "given_name": name, "family_name": name}
    answer = await world.change(order, {"op": "add_lines", "offer_bundle_id": bundle, "travellers": [details]})
    assert answer.status == 200, answer.body
    assert (await world.show(order))["travellers"][0]["given_name"] == name


@pytest.mark.parametrize("name", ["", "  ", "a\tb", "a\u200e", "a\u0000", "a" * 101, "\u202e", 7, ["a"]])
async def test_names_nobody_has_are_refused_and_not_repeated(world: World, name: object) -> None:
    details = {"id": ADULT, "given_name": name, "family_name": FAMILY + UNSAID}
    answer = await world.change(await world.order(), {"op": "set_travellers", "travellers": [details]})
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")
    assert not canaries_in(str(answer.body).encode())


async def test_a_problem_never_repeats_what_was_sent(world: World) -> None:
    order = await world.order()
    operation = {"op": "set_travellers", "travellers": people(ADULT), UNSAID: UNSAID}
    for answer in (
        await world.change(order, operation),
        await world.change(order, {"op": UNSAID}),
        await world.post(f"/v1/orders/{order}/payments", {"amount": UNSAID, "currency": UNSAID, "token": UNSAID}),
        await world.post("/v1/offers", {"service": UNSAID, "travellers": [{"id": ADULT}]}),
        await world.send("GET", f"/v1/orders/{UNSAID}"),
    ):
        assert answer.status in {404, 422}
        assert UNSAID.encode() not in str(answer.body).encode()
        assert not canaries_in(str(answer.body).encode())
