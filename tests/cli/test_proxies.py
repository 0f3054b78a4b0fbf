"""A request's address is that of its connection, unless one of our proxies forwards another one."""

import asyncio
from typing import Any

import httpx2
import pytest
import uvicorn

from cli.api import build_config
from runtime.settings import Settings
from telemetry.loopback import HOST, listening_socket


async def echo(scope: Any, _receive: Any, send: Any) -> None:
    """Answer with the address of the client."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["client"][0].encode()})


@pytest.mark.parametrize(("proxies", "expected"), [("", HOST), ("10.0.0.7", HOST), (HOST, "192.0.2.1")])
async def test_a_forwarded_address_is_trusted_from_our_proxies_only(proxies: str, expected: str) -> None:
    config = build_config(echo, Settings(proxies=proxies))
    config.lifespan = "off"
    server = uvicorn.Server(config)
    listening = listening_socket()
    port = listening.getsockname()[1]
    running = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(10), httpx2.AsyncClient() as http:
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        answer = await http.get(f"http://{HOST}:{port}", headers={"X-Forwarded-For": "192.0.2.1"})
    server.should_exit = True
    await running
    assert answer.text == expected
