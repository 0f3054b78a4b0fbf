"""An installation whose catalogue is the fake shop's, and the routes that need it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.canary import ADULT
from tests.support.discover_client import DAY_CARD, HELMA, THREE_DAYS, DiscoverClient, item
from tests.support.entur_client import EnturClient
from tests.support.installation import prepare_database, running_world
from tests.support.shop_process import ShopProcess, running_shop
from tests.support.world import CARD, Answer, World, add, replace

TIMEOUT = timedelta(seconds=2)
AT_ONCE = 4


@dataclass
class Orders:
    """What was sold, drafted and offered while the shop answered."""

    sold: str
    draft: str
    unsold: str
    """An order without lines."""
    bundle: str
    offer: str
    discover: str
    item: str


@dataclass
class Outage:
    """An installation whose catalogue is the shop's."""

    world: World
    shop: ShopProcess
    orders: Orders = field(init=False)

    @property
    def train(self) -> str:
        """A train of the shop that leaves in ten days."""
        return f"4711-{(self.world.components.store.now() + timedelta(days=10)).date()}"

    async def offer(self, product: str = "standard") -> str:
        """Return the id of a bundle for one traveller."""
        return await self.world.offer(product, ADULT, service=self.train)

    async def draft(self) -> str:
        """Return an order with an open draft."""
        order = await self.world.order()
        answer = await self.world.change(order, add(await self.offer(), ADULT))
        assert answer.status == 200, answer.body
        return order

    async def sold(self) -> str:
        """Return a confirmed order."""
        order = await self.world.order()
        answer = await self.world.change(order, add(await self.offer(), ADULT), confirm=True, payment=CARD)
        assert answer.status == 200, answer.body
        return order


@asynccontextmanager
async def running_with_shop(url: str, temporal: str, namespace: str, folder: Path) -> AsyncIterator[Outage]:
    """Run the shop, an API and a worker; sell and offer what the routes need."""
    settings: dict[str, Any] = {
        "offers": "examples.providers.shop_offers:ShopOffers",
        "lookup_timeout": TIMEOUT,
        "lookups_at_once": AT_ONCE,
    }
    with running_shop(folder) as shop, pytest.MonkeyPatch.context() as environment:
        # Nothing is cached, and the adapter is more patient than we are: ours is the deadline that counts.
        for name, value in {"URL": shop.url, "FRESH": "PT0S", "TIMEOUT": "PT60S"}.items():
            environment.setenv(f"SHOP_{name}", value)
        async with running_world(prepare_database(url), temporal, namespace, **settings) as world:
            outage = Outage(world, shop)
            outage.orders = await _prepare(outage)
            yield outage


async def _prepare(outage: Outage) -> Orders:
    world = outage.world
    discover = DiscoverClient(world)
    order = await discover.order(item(DAY_CARD, HELMA))
    (shown,) = (await discover.show(order))["orderedItem"]
    return Orders(
        sold=await outage.sold(),
        draft=await outage.draft(),
        unsold=await world.order(),
        bundle=await outage.offer("flexible"),
        offer=await EnturClient(world).offer("standard", ADULT, service=outage.train),
        discover=order,
        item=shown["orderItemNumber"],
    )


Call = Callable[[Outage], Awaitable[Answer]]


def _search(outage: Outage, **where: Any) -> Awaitable[Answer]:
    travellers = [{"id": ADULT, "birth_date": "1990-05-04"}]
    return outage.world.post("/v1/offers", {"travellers": travellers, **where})


def _discover(method: str, path: str, body: Any = None) -> Call:
    def call(outage: Outage) -> Awaitable[Answer]:
        named = {"order": outage.orders.discover, "item": outage.orders.item}
        return DiscoverClient(outage.world).send(method, path.format(**named), body)

    return call


READS: dict[str, Call] = {
    "search": lambda outage: _search(outage, service=outage.train),
    "search of a product": lambda outage: _search(outage, product=DAY_CARD, valid_from="2027-05-04T10:00:00Z"),
    "quote": lambda outage: outage.world.post(
        f"/v1/orders/{outage.orders.sold}/quotes",
        {"operations": [replace([f"{outage.orders.sold}-1"], outage.orders.bundle)]},
    ),
    "options": lambda outage: outage.world.send("GET", f"/v1/orders/{outage.orders.sold}/change-options"),
    "entur options": lambda outage: EnturClient(outage.world).send(
        "GET", f"/v1beta/change-options?orderId={outage.orders.sold}"
    ),
    "discover offers": _discover("POST", "/orders/{order}/offers", item(DAY_CARD, HELMA)["orderedItem"]),
    "discover order": _discover("GET", "/orders/{order}"),
    "discover item": _discover("GET", "/orders/{order}/items/{item}"),
    "discover add": _discover("POST", "/orders/{order}/items", item(DAY_CARD, HELMA)),
    "discover update": _discover("PUT", "/orders/{order}", {"orderedItem": [item(THREE_DAYS, HELMA)]}),
    "discover update item": _discover("PUT", "/orders/{order}/items/{item}", item(THREE_DAYS, HELMA)),
}
"""The routes that ask the catalogue themselves, before a request is recorded or after it has ended."""


def is_unavailable(answer: Answer) -> bool:
    """Whether an answer says that a provider is unavailable, and when to try again."""
    wait = answer.headers.get("Retry-After", "")
    return (answer.status, answer.code, wait.isdecimal()) == (503, "PROVIDER_UNAVAILABLE", True)
