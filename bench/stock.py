"""G15: a server nobody tuned is told from one that we start."""

import asyncio
from pathlib import Path

from temporalio.client import Client

from bench.figures import Figure, Goal, figure
from cli.processes import Child
from cli.temporal_server import temporal_binary
from pace import Pace, measured
from telemetry.loopback import HOST, free_port

_START_SECONDS = 30.0


async def stock_pace(folder: Path) -> Pace:
    """Return what a dispatch takes on a development server as it comes, in memory."""
    port = free_port()
    command = [str(temporal_binary()), "server", "start-dev", "--ip", HOST, "--port", str(port), "--headless"]
    child = Child("stock", [*command, "--log-level", "error"], folder / "stock.log")
    child.start()
    try:
        async with asyncio.timeout(_START_SECONDS):
            return await measured(await _connected(f"{HOST}:{port}"))
    finally:
        child.stop()


async def _connected(address: str) -> Client:
    while True:
        try:
            return await Client.connect(address)
        except RuntimeError:  # not up yet
            await asyncio.sleep(0.2)


def dispatch_goal(stock: Pace) -> Goal:
    """Return G15: a worker or `doctor` warns exactly when `slow` says so."""
    return Goal("G15", "ms a dispatch takes on a stock server, warned of", _warned(stock), at_least=40)


def _warned(stock: Pace) -> Figure:
    return figure(stock.dispatch * 1000 if stock.slow else 0.0)
