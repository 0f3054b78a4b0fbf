"""On a real socket: whoever sends slowly, without end or not what they said is cut off, and keeps nobody else out."""

import asyncio
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn

from api.middleware import body_limit, slow_clients
from api.middleware.slow_clients import SlowClientProtocol
from telemetry.loopback import HOST, free_port
from tests.support.world import World

pytestmark = pytest.mark.only_on("sqlite")  # a matter of the process
SOON = 0.3
PATHS = ("/v1/offers", "/sales/v1/update-order", "/b2bmarket/v1/orders")
HEAD = "Host: h\r\nEntur-Distribution-Channel: A:B:C\r\nEntur-Pos: k\r\nContent-Type: application/json\r\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "BODY_SECONDS", SOON)
    monkeypatch.setattr(slow_clients, "CLIENT_SECONDS", 3 * SOON)


class Quiet(uvicorn.Server):
    """Leaves signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@dataclass
class Line:
    """A connection to the API."""

    heard: asyncio.StreamReader
    said: asyncio.StreamWriter

    async def say(self, text: str | bytes) -> None:
        self.said.write(text.encode() if isinstance(text, str) else text)
        await self.said.drain()

    async def answer(self) -> str:
        """Return everything there is to hear until the other side hangs up."""
        async with asyncio.timeout(5):
            try:
                return (await self.heard.read()).decode()
            except ConnectionError:
                return ""


@asynccontextmanager
async def calling(world: World) -> AsyncIterator[Line]:
    """Open a connection to the API of a world."""
    line = Line(*await asyncio.open_connection(HOST, world.http.base_url.port))
    yield line
    line.said.close()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("length", ["Content-Length: 9", "Transfer-Encoding: chunked"])
async def test_a_body_that_does_not_come_is_waited_for_so_long(world: World, path: str, length: str) -> None:
    async with calling(world) as line:
        await line.say(f"POST {path} HTTP/1.1\r\n{HEAD}{length}\r\n\r\n" + ("" if "9" in length else "1\r\n{\r\n"))
        answer = await line.answer()
    assert answer.startswith("HTTP/1.1 408")
    assert "BODY_TOO_SLOW" in answer


@pytest.mark.parametrize("path", PATHS)
async def test_chunks_without_end_are_cut_off(world: World, path: str) -> None:
    async with calling(world) as line:
        await line.say(f"POST {path} HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n")
        await line.say((b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 5)
        answer = await line.answer()
    assert answer.startswith("HTTP/1.1 413")
    assert "BODY_TOO_LARGE" in answer


async def test_a_body_longer_than_was_said_is_no_second_request(world: World) -> None:
    async with calling(world) as line:
        await line.say(f"POST /v1/offers HTTP/1.1\r\n{HEAD}Content-Length: 2\r\n\r\n{{}}{{}}\r\n\r\n")
        answer = await line.answer()
    assert answer.count("HTTP/1.1") == 2 - (not answer.startswith("HTTP/1.1 422"))
    assert "HTTP/1.1 400" in answer


async def test_two_lengths_at_once_are_no_request(world: World) -> None:
    async with calling(world) as line:
        both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
        await line.say(f"POST /v1/offers HTTP/1.1\r\n{HEAD}{both}\r\n0\r\n\r\n")
        answer = await line.answer()
    assert answer.startswith("HTTP/1.1 400")
    assert "MALFORMED_REQUEST" in answer


@pytest.mark.parametrize("begun", ["", "GET /health HTTP/1.1\r\n", "GET /health HTTP/1.1\r\nHost: h\r\n\r\nGET"])
async def test_a_head_that_does_not_come_is_waited_for_so_long(world: World, begun: str) -> None:
    async with calling(world) as line:
        await line.say(begun)
        answer = await line.answer()
    assert ("200 OK" in answer) == ("GET" in begun[4:])


async def test_a_head_that_comes_byte_by_byte_is_not_waited_for_longer(world: World) -> None:
    async with calling(world) as line:
        await line.say("GET /health HTTP/1.1\r\nX: ")
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(5):
                while True:
                    await line.say("x")
                    await asyncio.sleep(SOON / 10)


async def test_headers_without_end_are_cut_off(world: World) -> None:
    async with calling(world) as line:
        await line.say("GET /health HTTP/1.1\r\nX: " + "x" * slow_clients.MAX_HEAD)
        answer = await line.answer()
    assert answer.startswith("HTTP/1.1 431")
    assert "HEADERS_TOO_LARGE" in answer


async def test_who_is_slow_keeps_nobody_else_out(world: World) -> None:
    async with calling(world) as slow, calling(world) as silent:
        await slow.say(f"POST /v1/offers HTTP/1.1\r\n{HEAD}Content-Length: 9\r\n\r\n")
        async with calling(world) as other:
            await other.say("GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            assert (await other.answer()).startswith("HTTP/1.1 200")
        await asyncio.gather(slow.answer(), silent.answer())


async def test_what_takes_us_longer_than_clients_may_is_answered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world.with_api() as here:
        order = await here.order()
    monkeypatch.setattr(slow_clients, "CLIENT_SECONDS", 0.005)
    async with calling(world) as line:
        await line.say(f"DELETE /v1/orders/{order}/draft HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")
        assert (await line.answer()).startswith("HTTP/1.1 200")


async def test_who_asks_and_never_reads_is_dropped() -> None:
    """A stream to nobody's ear: the server under the API, with an application that says a lot."""
    ended = asyncio.Event()

    async def talks(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
        ended.set()

    usual: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off"}
    server = Quiet(uvicorn.Config(talks, host=HOST, port=free_port(), http=SlowClientProtocol, **usual))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    deaf = socket.create_connection((HOST, server.config.port))
    deaf.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    await asyncio.wait_for(ended.wait(), 10)
    assert not server.server_state.connections
    deaf.close()
    server.should_exit = True
    await serving
