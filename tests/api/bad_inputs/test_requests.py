"""Other bad requests: wrong lengths, numbers out of range, invalid headers."""

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from fastapi import Request

from api.http.request_headers import wait
from tests.support.world import World

ORDER = "/v1/orders/26-999999"


async def exchange(world: World, *chunks: bytes) -> bytes:
    """Send bytes to the API over a raw connection, close it for writing, and return the response."""
    url = urlsplit(str(world.http.base_url))
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    for each in chunks:
        writer.write(each)
        await writer.drain()
    writer.write_eof()
    response = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return response


def head(*headers: str) -> bytes:
    fixed = ("POST /v1/orders HTTP/1.1", "Host: changeover", "Content-Type: application/json", "Idempotency-Key: lies")
    return "\r\n".join([*fixed, *headers, "", ""]).encode()


@pytest.mark.parametrize(
    ("length", "start"),
    [
        ("Content-Length: 3", b"HTTP/1.1 400"),
        ("Content-Length: 999", b""),
        ("Content-Length: 99999999", b"HTTP/1.1 413"),
        ("Content-Length: -1", b"HTTP/1.1 400"),
        ("Content-Length: 1e3", b"HTTP/1.1 400"),
        ("Content-Length: 3\r\nContent-Length: 19", b"HTTP/1.1 400"),
        ("Content-Length: 19\r\nTransfer-Encoding: chunked", b"HTTP/1.1 400"),
        ("Transfer-Encoding: chunked", b"HTTP/1.1 400"),
    ],
)
async def test_a_wrong_length_stores_nothing(world: World, length: str, start: bytes) -> None:
    before = world.rows()
    response = await exchange(world, head(length), b'{"currency": "NOK"}')
    assert response.startswith(start), response
    assert b"201 Created" not in response
    assert world.rows() == before


@pytest.mark.parametrize(("after", "status"), [(2**31, 200), (10**12, 200), (2**63, 422), (10**30, 422)])
async def test_a_number_out_of_range_is_refused_on_every_database(world: World, after: int, status: int) -> None:
    order = await world.order()
    assert (await world.send("GET", f"/v1/orders/{order}/history?after={after}")).status == status


@pytest.mark.parametrize("trace", ["", "x", f"ff-{'1' * 32}-{'1' * 16}-01", f"00-{'0' * 32}-{'0' * 16}-00", "a" * 4000])
async def test_an_invalid_traceparent_is_ignored(world: World, trace: str) -> None:
    assert (await world.send("GET", ORDER, traceparent=trace, tracestate=trace)).code == "ORDER_NOT_FOUND"


async def test_a_response_is_never_compressed(world: World) -> None:
    answer = await world.http.get(ORDER, headers={"Accept-Encoding": ", ".join(["gzip;q=1", "br", "*"] * 300)})
    assert answer.status_code == 404
    assert "content-encoding" not in answer.headers


@pytest.mark.only_on("sqlite")  # no store is used
async def test_two_correlation_ids_are_refused_and_a_long_one_is_not_echoed(world: World) -> None:
    for headers in ([("X-Correlation-Id", "a"), ("X-Correlation-Id", "b")], [("X-Correlation-Id", "a" * 10_000)]):
        answer = await world.http.get(ORDER, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "HEADER_INVALID")
        assert len(answer.headers["X-Correlation-Id"]) == 36


async def test_a_tag_may_hold_a_comma(world: World) -> None:
    answer = await world.send("DELETE", f"/v1/orders/{await world.order()}/draft", If_Match='"a,b", W/"c,"')
    assert (answer.status, answer.code) == (412, "STALE_ORDER")


@pytest.mark.only_on("sqlite")  # no store is used
async def test_405_names_every_method_of_the_path(world: World) -> None:
    for path, methods in (
        ("/v1/orders/26-999999", "GET, PATCH"),
        ("/b2bmarket/v1/orders/26-999999/items/1", "DELETE, GET, PUT"),
        ("/v1/webhooks", "GET, POST"),
    ):
        answer = await world.http.request("OPTIONS", path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, methods)


async def test_no_response_has_a_format_that_a_spreadsheet_evaluates(world: World) -> None:
    paths = (await world.send("GET", "/openapi.json")).body["paths"].values()
    kinds = {kind for methods in paths for route in methods.values() for response in route["responses"].values()
             for kind in response.get("content", {})}  # fmt: skip
    assert kinds == {"application/json", "application/problem+json", "text/event-stream"}


@pytest.mark.parametrize(
    ("header", "seconds"), [("wait=99999", 30), ("wait=31", 30), ("wait=2", 2), ("wait=x", 10), ("", 10)]
)
def test_no_request_waits_longer_than_30_seconds(header: str, seconds: int) -> None:
    scope = {"type": "http", "headers": [(b"prefer", header.encode())]}
    assert wait(Request(scope)) == timedelta(seconds=seconds)
