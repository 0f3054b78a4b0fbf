"""On a real socket: clients that send slowly, without end or not as announced are cut off; others are unaffected."""

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
from telemetry.loopback import HOST, listening_socket
from tests.support.world import World

pytestmark = pytest.mark.only_on("sqlite")  # independent of the store
SOON = 0.3
PATHS = ("/v1/offers", "/sales/v1/update-order", "/b2bmarket/v1/orders")
HEAD = "Host: h\r\nEntur-Distribution-Channel: A:B:C\r\nEntur-Pos: k\r\nContent-Type: application/json\r\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "BODY_SECONDS", SOON)
    monkeypatch.setattr(slow_clients, "CLIENT_SECONDS", 3 * SOON)
    monkeypatch.setattr(slow_clients, "IDLE_SECONDS", 6 * SOON)


class ServerWithoutSignals(uvicorn.Server):
    """Leaves signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@dataclass
class Connection:
    """A connection to the API."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, text: str | bytes) -> None:
        self.writer.write(text.encode() if isinstance(text, str) else text)
        await self.writer.drain()

    async def answer(self) -> str:
        """Return everything that the API sends until it closes the connection."""
        async with asyncio.timeout(5):
            try:
                return (await self.reader.read()).decode()
            except ConnectionError:
                return ""


@asynccontextmanager
async def connected(world: World) -> AsyncIterator[Connection]:
    """Open a connection to the API of a world."""
    connection = Connection(*await asyncio.open_connection(HOST, world.http.base_url.port))
    yield connection
    connection.writer.close()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("length", ["Content-Length: 9", "Transfer-Encoding: chunked"])
async def test_a_body_must_arrive_in_time(world: World, path: str, length: str) -> None:
    async with connected(world) as connection:
        await connection.send(
            f"POST {path} HTTP/1.1\r\n{HEAD}{length}\r\n\r\n" + ("" if "9" in length else "1\r\n{\r\n")
        )
        answer = await connection.answer()
    assert answer.startswith("HTTP/1.1 408")
    assert "BODY_TOO_SLOW" in answer


@pytest.mark.parametrize("path", PATHS)
async def test_chunks_without_end_are_cut_off(world: World, path: str) -> None:
    async with connected(world) as connection:
        await connection.send(f"POST {path} HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n")
        await connection.send((b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 5)
        answer = await connection.answer()
    assert answer.startswith("HTTP/1.1 413")
    assert "BODY_TOO_LARGE" in answer


async def test_a_body_longer_than_its_length_is_no_second_request(world: World) -> None:
    async with connected(world) as connection:
        await connection.send(f"POST /v1/offers HTTP/1.1\r\n{HEAD}Content-Length: 2\r\n\r\n{{}}{{}}\r\n\r\n")
        answer = await connection.answer()
    assert answer.count("HTTP/1.1") == 2 - (not answer.startswith("HTTP/1.1 422"))
    assert "HTTP/1.1 400" in answer


async def test_two_lengths_at_once_are_no_request(world: World) -> None:
    async with connected(world) as connection:
        both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
        await connection.send(f"POST /v1/offers HTTP/1.1\r\n{HEAD}{both}\r\n0\r\n\r\n")
        answer = await connection.answer()
    assert answer.startswith("HTTP/1.1 400")
    assert "MALFORMED_REQUEST" in answer


@pytest.mark.parametrize("begun", ["", "GET /health HTTP/1.1\r\n", "GET /health HTTP/1.1\r\nHost: h\r\n\r\nGET"])
async def test_a_head_must_arrive_in_time(world: World, begun: str) -> None:
    async with connected(world) as connection:
        await connection.send(begun)
        answer = await connection.answer()
    assert ("200 OK" in answer) == ("GET" in begun[4:])


async def test_a_connection_that_a_proxy_keeps_for_its_next_request_stays_open(world: World) -> None:
    """nginx and load balancers keep one for 60 seconds: closed earlier, it loses the request that is being sent."""
    async with connected(world) as connection:
        await connection.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
        await asyncio.sleep(4 * SOON)  # longer than a head may take
        await connection.send("GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert (await connection.answer()).count("200 OK") == 2


async def test_the_next_head_must_arrive_in_time(world: World) -> None:
    async with connected(world) as connection:
        await connection.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
        await asyncio.sleep(SOON)
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(5):
                await connection.send("GET /health HTTP/1.1\r\nX: ")
                while True:
                    await connection.send("x")
                    await asyncio.sleep(SOON / 10)


async def test_an_idle_connection_outlasts_the_proxies_and_clients_before_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert slow_clients.IDLE_SECONDS > 60


async def test_a_head_that_arrives_byte_by_byte_gets_no_more_time(world: World) -> None:
    async with connected(world) as connection:
        await connection.send("GET /health HTTP/1.1\r\nX: ")
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(5):
                while True:
                    await connection.send("x")
                    await asyncio.sleep(SOON / 10)


async def test_headers_without_end_are_cut_off(world: World) -> None:
    async with connected(world) as connection:
        await connection.send("GET /health HTTP/1.1\r\nX: " + "x" * slow_clients.MAX_HEAD)
        answer = await connection.answer()
    assert answer.startswith("HTTP/1.1 431")
    assert "HEADERS_TOO_LARGE" in answer


async def test_a_slow_client_does_not_delay_others(world: World) -> None:
    async with connected(world) as slow, connected(world) as silent:
        await slow.send(f"POST /v1/offers HTTP/1.1\r\n{HEAD}Content-Length: 9\r\n\r\n")
        async with connected(world) as other:
            await other.send("GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            assert (await other.answer()).startswith("HTTP/1.1 200")
        await asyncio.gather(slow.answer(), silent.answer())


async def test_a_response_that_takes_longer_than_the_client_timeout_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.with_api() as here:
        order = await here.order()
    monkeypatch.setattr(slow_clients, "CLIENT_SECONDS", 0.005)
    async with connected(world) as connection:
        await connection.send(f"DELETE /v1/orders/{order}/draft HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")
        assert (await connection.answer()).startswith("HTTP/1.1 200")


async def test_a_client_that_never_reads_is_disconnected() -> None:
    """The API's server with an application that sends a long stream, and a client that never reads."""
    ended = asyncio.Event()

    async def stream(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
        ended.set()

    options: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off"}
    server = ServerWithoutSignals(uvicorn.Config(stream, http=SlowClientProtocol, **options))
    listening = listening_socket()
    address = listening.getsockname()
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    with socket.create_connection(address) as silent_reader:
        silent_reader.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await asyncio.wait_for(ended.wait(), 10)
        assert not server.server_state.connections
    server.should_exit = True
    await serving
