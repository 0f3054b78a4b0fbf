"""Invalid bodies, headers and URLs get a clear problem; nothing is stored and no input is echoed."""

from typing import Any

import pytest

from tests.support.canary import ADULT, find_canaries
from tests.support.world import World, add, people

UNECHOED = "Gulfugl-unechoed"
JSON = {"Content-Type": "application/json"}
KEY = {"Idempotency-Key": "bad-input"}


async def raw(world: World, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any], bytes]:
    """Send bytes as they are; return status, problem and the whole response."""
    sent = JSON | KEY | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await world.http.post(path, content=body, headers=sent)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json(), answer.content


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
    (b'{"currency": ' + b"[" * 33 + b"]" * 33 + b"}", 400),
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
async def test_a_body_of_the_wrong_form_is_refused(world: World, body: bytes, status: int) -> None:
    before = world.rows()
    found, problem, answer = await raw(world, "/v1/orders", body)
    assert found == status, answer
    assert problem["code"] in {"MALFORMED_BODY", "DUPLICATE_MEMBER", "MEMBER_INVALID"}
    assert b"x" * 50 not in answer
    assert world.rows() == before


@pytest.mark.only_on("sqlite")  # no store is answers
async def test_deeply_nested_bodies_are_refused_on_every_api(world: World) -> None:
    deep = b'{"a": ' * 33 + b"1" + b"}" * 33
    headers = {"Entur_Distribution_Channel": "A:B:C", "Entur_Pos": "kiosk"}
    for path in ("/v1/offers", "/sales/v1/update-order", "/b2bmarket/v1/orders"):
        answer = await world.http.post(
            path, content=deep, headers=JSON | {k.replace("_", "-"): v for k, v in headers.items()}
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED_BODY"), path


@pytest.mark.only_on("sqlite")  # no store is answers
async def test_a_response_lists_at_most_100_errors(world: World) -> None:
    body = b"{" + b",".join(b'"m%d": 1' % number for number in range(5000)) + b"}"
    status, problem, answer = await raw(world, "/v1/orders", body)
    assert (status, len(problem["errors"])) == (422, 100)
    assert len(answer) < len(body)


async def test_a_byte_order_mark_is_no_mistake(world: World) -> None:
    sent = JSON | {"Idempotency-Key": "bom"}
    answer = await world.http.post("/v1/orders", content=b'\xef\xbb\xbf{"currency": "NOK"}', headers=sent)
    assert answer.status_code == 201


@pytest.mark.only_on("sqlite")  # no store is answers
async def test_a_body_over_64_kib_is_not_read(world: World) -> None:
    status, problem, _ = await raw(world, "/v1/orders", b'{"external_reference": "' + b"x" * 65536 + b'"}')
    assert (status, problem["code"]) == (413, "BODY_TOO_LARGE")


@pytest.mark.only_on("sqlite")  # no store is answers
async def test_a_body_without_a_length_is_cut_off_too(world: World) -> None:
    async def endless() -> Any:
        for _ in range(20):
            yield b"x" * 8192

    answer = await world.http.post("/v1/orders", content=endless(), headers=JSON | KEY)
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


@pytest.mark.only_on("sqlite")  # no store is answers
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


@pytest.mark.only_on("sqlite")  # no store is answers
async def test_answers_are_json(world: World) -> None:
    status, problem, _ = await raw(world, "/v1/orders", b'{"currency": "NOK"}', Accept="text/xml")
    assert (status, problem["code"]) == (406, "NOT_ACCEPTABLE")


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
async def test_an_unknown_order_is_404_whatever_its_number_contains(world: World, number: str) -> None:
    answers = [
        await world.send("GET", f"/v1/orders/{number}"),
        await world.send("GET", f"/v1/orders/{number}/history"),
        await world.post(f"/v1/orders/{number}/quotes", {"operations": [add("b", ADULT)]}),
        await world.post(f"/v1/orders/{number}/changes", {"operations": [add("b", ADULT)]}),
        await world.post(f"/v1/orders/{number}/confirm", {}),
        await world.send("DELETE", f"/v1/orders/{number}/draft"),
    ]
    assert {(answer.status, answer.code) for answer in answers} <= {(404, "ORDER_NOT_FOUND"), (404, "NOT_FOUND")}


@pytest.mark.parametrize("change", ["x", "a" * 36, "00000000-0000-0000-0000-000000000000", "a" * 3000])
async def test_a_change_that_is_not_there(world: World, change: str) -> None:
    answer = await world.send("GET", f"/v1/changes/{change}")
    assert (answer.status, answer.code) == (404, "CHANGE_NOT_FOUND")


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=1000000000", "limit=abc", "after=-1", "after=x"])
async def test_pages_of_history_are_bounded(world: World, query: str) -> None:
    answer = await world.send("GET", f"/v1/orders/{await world.order()}/history?{query}")
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")


@pytest.mark.only_on("sqlite")  # no store is answers
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


async def test_a_problem_never_repeats_what_was_sent(world: World) -> None:
    order = await world.order()
    operation = {"op": "set_travellers", "travellers": people(ADULT), UNECHOED: UNECHOED}
    for answer in (
        await world.change(order, operation),
        await world.change(order, {"op": UNECHOED}),
        await world.post(f"/v1/orders/{order}/payments", {"amount": UNECHOED, "currency": UNECHOED, "token": UNECHOED}),
        await world.post("/v1/offers", {"service": UNECHOED, "travellers": [{"id": ADULT}]}),
        await world.send("GET", f"/v1/orders/{UNECHOED}"),
    ):
        assert answer.status in {404, 422}
        assert UNECHOED.encode() not in str(answer.body).encode()
        assert not find_canaries(str(answer.body).encode())
