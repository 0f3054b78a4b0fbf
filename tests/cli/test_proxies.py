"""Where a request comes from is where it is connected from, unless a proxy of ours says otherwise."""

import asyncio
from typing import Any

import httpx2
import pytest
import uvicorn

from cli.api import serving
from runtime.settings import Settings
from telemetry.loopback import HOST, free_port


async def echo(scope: Any, _receive: Any, send: Any) -> None:
    """Answer with where a request comes from."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["client"][0].encode()})


@pytest.mark.parametrize(("proxies", "seen"), [("", HOST), ("10.0.0.7", HOST), (HOST, "192.0.2.1")])
async def test_what_is_said_of_who_asks_is_believed_of_our_proxies_only(proxies: str, seen: str) -> None:
    config = serving(echo, Settings(api_port=free_port(), proxies=proxies))
    config.lifespan = "off"
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(10), httpx2.AsyncClient() as http:
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        answer = await http.get(f"http://{HOST}:{config.port}", headers={"X-Forwarded-For": "192.0.2.1"})
    server.should_exit = True
    await running
    assert answer.text == seen
