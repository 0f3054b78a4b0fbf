"""Events of the fake bank, as an installation receives them, and what they change on an order."""

import asyncio
from datetime import timedelta

import httpx2
from sqlmodel import select

from examples.fake_systems.bank_events import SECRET, deliver
from store.tables import ChangeRow, DisputeRow, PaymentRow, ProviderEventRow
from tests.support.world import Json, World

PATH = "/v1/providers/payments/events"


async def notify(world: World, body: bytes, secret: str = SECRET, age: timedelta = timedelta()) -> httpx2.Response:
    """Deliver an event, signed now or some time ago."""
    headers, content = deliver(body, secret, age)
    return await world.http.post(PATH, content=content, headers=headers)


async def notified(world: World, body: bytes) -> str:
    """Deliver an event and wait until it is served; return the id of the request that has served it."""
    answer = await notify(world, body)
    assert (answer.status_code, answer.json()) == (200, {"result": "kept"})
    return await served(world)


async def served(world: World) -> str:
    """Wait until the event that was received last is served; return the id of its request."""
    async with asyncio.timeout(30):
        while (row := inbox(world)[-1]).served_at is None:  # noqa: ASYNC110 - only the database shows it
            await asyncio.sleep(0.05)
    if row.change:
        assert await world.wait_for_outcome(row.change) == "done"
    return row.change or ""


def inbox(world: World) -> list[ProviderEventRow]:
    """Return all events, first received first."""
    with world.components.store.read() as tx:
        return list(tx.exec(select(ProviderEventRow).order_by(ProviderEventRow.received_at)))  # type: ignore[arg-type] # a column


def requests(world: World, order: str) -> list[ChangeRow]:
    """Return the requests of an order that serve events."""
    return [each for each in world.changes_of(order) if each.kind == "provider_event"]


def payment_keys(world: World, order: str) -> list[str]:
    """Return the keys of an order's payments, oldest first."""
    with world.components.store.read() as tx:
        rows = tx.exec(select(PaymentRow).where(PaymentRow.order_number == order)).all()
        return [each.key for each in sorted(rows, key=lambda row: row.number)]


def disputes(world: World, order: str) -> list[tuple[str, str]]:
    """Return an order's disputes with their states."""
    with world.components.store.read() as tx:
        rows = tx.exec(select(DisputeRow).where(DisputeRow.order_number == order))
        return sorted((each.id, each.state) for each in rows)


async def history(world: World, order: str, kind: str) -> list[Json]:
    """Return the data of an order's events of one type."""
    events = (await world.send("GET", f"/v1/orders/{order}/history?limit=200")).body["events"]
    return [each["data"] for each in events if each["type"] == kind]
