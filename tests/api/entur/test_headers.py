"""Entur: required headers, errors in Entur's format, and rate limits by client name."""

import uuid

import httpx2
import pytest

from api.settings import EnturSettings
from temporal.names import draft_id
from temporal.search_attributes import CHANNEL, CORRELATION_ID
from tests.support.canary import ADULT
from tests.support.entur_client import EnturClient, raw_headers
from tests.support.world import World

MEMBERS = {"timestamp", "status", "error", "exception", "message", "path", "title", "code", "errors"}
ORDER = "/v1/orders/26-999999999"


@pytest.mark.only_on("sqlite")  # no store is used
@pytest.mark.parametrize("missing", ["Entur-Distribution-Channel", "Entur-Pos"])
async def test_two_headers_are_required_by_name(sales: EnturClient, missing: str) -> None:
    del sales.headers[missing]
    for method, path in (("GET", ORDER), ("POST", "/v1/reserve-offers")):
        answer = await sales.send(method, path, {} if method == "POST" else None)
        assert (answer.status, answer.code) == (400, "HEADER_MISSING")
        assert missing in answer.body["message"]


@pytest.mark.only_on("sqlite")  # no store is used
@pytest.mark.parametrize(("header", "value"), [("Entur-Distribution-Channel", "a b"), ("Entur-Pos", "x" * 101)])
async def test_an_invalid_header_is_a_bad_request(sales: EnturClient, header: str, value: str) -> None:
    sales.headers[header] = value
    answer = await sales.send("GET", ORDER)
    assert (answer.status, answer.code) == (400, "HEADER_INVALID")
    assert value not in str(answer.body)


async def test_errors_have_every_member_of_an_api_error_and_our_code(sales: EnturClient) -> None:
    answer = await sales.send("GET", ORDER)
    assert set(answer.body) == MEMBERS
    assert (answer.body["status"], answer.body["error"]) == (404, "Not Found")
    assert answer.body["path"] == "/sales/v1/orders/{order}"


@pytest.mark.only_on("sqlite")  # no store is used
@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/nothing", 404), ("DELETE", "/v1/reserve-offers", 405)]
)
async def test_an_unknown_route_or_method_is_an_error_in_the_same_format(
    sales: EnturClient, method: str, path: str, status: int
) -> None:
    answer = await sales.send(method, path)
    assert (answer.status, set(answer.body)) == (status, MEMBERS)


@pytest.mark.only_on("sqlite")  # no store is used
async def test_a_body_that_is_no_json_is_an_error_in_the_same_format(sales: EnturClient) -> None:
    headers = sales.headers | {"Content-Type": "application/json", "Entur-Pos": "kiosk"}
    answer = await sales.world.http.post("/sales/v1/reserve-offers", content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED_BODY")


async def test_the_correlation_id_is_echoed_generated_or_refused(sales: EnturClient) -> None:
    assert (await sales.send("GET", ORDER, X_Correlation_Id="trip-7")).headers["x-correlation-id"] == "trip-7"
    assert len((await sales.send("GET", ORDER)).headers["x-correlation-id"]) == 36
    refused = await sales.send("GET", ORDER, X_Correlation_Id="a\tb")
    assert (refused.status, refused.code, set(refused.body)) == (400, "HEADER_INVALID", MEMBERS)


@pytest.mark.parametrize(
    "value", ["~" * 256, "<b>'\\\"%{trip}/7?;", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]
)
async def test_any_visible_ascii_is_a_correlation_id_and_is_kept_whole(sales: EnturClient, value: str) -> None:
    value = f"{uuid.uuid4().hex}{value}"[-256:]
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    answer = await sales.reserve({"offerId": offer}, X_Correlation_Id=value)
    assert (answer.status, answer.headers["x-correlation-id"]) == (200, value)
    order = answer.body["orderId"]
    assert [row.correlation_id for row in sales.world.changes_of(order)] == [value]
    described = await sales.world.client.get_workflow_handle(draft_id(order)).describe()
    assert described.typed_search_attributes[CORRELATION_ID] == value[:255]
    found = await sales.world.http.get("/desk", params={"q": value})
    assert found.headers.get("location", "").endswith(order) or order in found.text


@pytest.mark.only_on("sqlite")  # no store is used
@pytest.mark.parametrize("value", ["~" * 257, "a b", "æ"], ids=["long", "space", "letter"])
async def test_anything_else_is_no_correlation_id_and_not_echoed(sales: EnturClient, value: str) -> None:
    refused = await sales.send("GET", ORDER, X_Correlation_Id=value)
    assert (refused.status, refused.code) == (400, "HEADER_INVALID")
    assert len(refused.headers["x-correlation-id"]) == 36


async def test_correlation_id_and_channel_are_found_in_the_web_ui(sales: EnturClient) -> None:
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    order = (await sales.reserve({"offerId": offer}, X_Correlation_Id="find-me")).body["orderId"]
    described = await sales.world.client.get_workflow_handle(draft_id(order)).describe()
    attributes = described.typed_search_attributes
    assert (attributes[CORRELATION_ID], attributes[CHANNEL]) == ("find-me", "WAY:DistributionChannel:App")


@pytest.mark.only_on("sqlite")  # no store is used
@pytest.mark.parametrize("twice", ["Entur-Pos", "Entur-Distribution-Channel"])
async def test_a_header_sent_twice_is_a_bad_request(sales: EnturClient, twice: str) -> None:
    headers = [*sales.headers.items(), (twice, "other")]
    raw = [(name.encode(), value.encode()) for name, value in headers]
    answer = await sales.world.http.get(f"/sales{ORDER}", headers=raw)
    assert (answer.status_code, answer.json()["code"]) == (400, "HEADER_INVALID")


async def test_the_path_for_adding_supplements_is_a_setting(world: World) -> None:
    async with world.with_api(entur=EnturSettings(supplement_path="/v2/supplements")) as other:
        headers = {"Entur-Distribution-Channel": "A:B:C", "Entur-Pos": "kiosk", "ET-Client-Name": "acme-app"}
        moved = await other.http.post("/sales/v2/supplements", json={}, headers=headers)
        gone = await other.http.post("/sales/v1/update-order/supplement-products", json={}, headers=headers)
    assert (moved.json()["code"], gone.json()["code"]) == ("MEMBER_INVALID", "NOT_FOUND")


async def send_many(world: World, times: int, name: str | None) -> list[httpx2.Response]:
    """Send requests to an API that allows three a minute from unnamed clients, and eight from a named one."""
    settings = EnturSettings(unnamed_per_minute=3, named_per_minute=8)
    headers = {"Entur-Distribution-Channel": "A:B:C", "Entur-Pos": "kiosk"} | ({"ET-Client-Name": name} if name else {})
    async with world.with_api(entur=settings) as other:
        return [await other.http.get(f"/sales{ORDER}", headers=raw_headers(headers)) for _ in range(times)]


NAMES = [
    *("acme-app", "Wayfare-Mobile-BFF", "forsen_utvikling-infoplakat", "a b-c", "Kari Nordmann-reiseapp"),
    *("J. R. Øksnevad-app", "Anne-Marie Åse-app", "李小龙-app", "أحمد-app", "अनिता देवी-app", "Zoe\u0308-app"),
]


@pytest.mark.parametrize("name", [None, "omsa", "-app", " -app", "acme-", "a/b-c", "acme-my app"])
async def test_clients_without_a_proper_name_share_a_strict_limit(world: World, name: str | None) -> None:
    answers = await send_many(world, 5, name)
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429, 429]
    last = answers[-1]
    assert 1 <= int(last.headers["retry-after"]) <= 61
    assert last.headers["ratelimit-policy"] == '"unnamed";q=3;w=60'
    assert last.headers["ratelimit"].startswith('"unnamed";r=0;t=')
    assert (last.json()["code"], set(last.json())) == ("RATE_LIMITED", MEMBERS)


@pytest.mark.parametrize("name", NAMES)
async def test_a_named_client_has_a_limit_of_its_own(world: World, name: str) -> None:
    answers = await send_many(world, 9, name)
    assert [answer.status_code for answer in answers] == [404] * 8 + [429]


async def test_names_of_headers_may_be_written_in_any_case(sales: EnturClient) -> None:
    sales.headers = {name.lower(): value for name, value in sales.headers.items()}
    assert (await sales.send("GET", ORDER)).status == 404
