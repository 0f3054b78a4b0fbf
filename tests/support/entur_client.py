"""A client of the Entur routes, written as a sales channel for Entur would be."""

import itertools
import uuid
from collections.abc import Mapping
from typing import Any

from tests.support.world import PEOPLE, Answer, Json, World

HEADERS = {
    "Entur-Distribution-Channel": "WAY:DistributionChannel:App",
    "Entur-Pos": "Kjøkkenbordet",
    "ET-Client-Name": "changeover-tests",
}
_clients = itertools.count(1)


def raw_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as bytes in UTF-8, as most clients send them: a point of sale's name may have any letters."""
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class EnturClient:
    """Sends requests as one client, under its own client name."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.headers = HEADERS | {"ET-Client-Name": f"changeover-tests{next(_clients)}"}

    async def send(self, method: str, path: str, body: Any = None, **more: str) -> Answer:
        """Send a request below /sales."""
        sent = self.headers | {name.replace("_", "-"): value for name, value in more.items()}
        response = await self.world.http.request(method, f"/sales{path}", json=body, headers=raw_headers(sent))
        body = response.json()
        return Answer(response.status_code, body if isinstance(body, dict) else {"list": body}, response.headers)

    async def offer(self, product: str, *travellers: str, service: str) -> str:
        """Return the id of the only offer of a product for known travellers."""
        people = [{"id": each, "birth_date": PEOPLE[each]["birth_date"]} for each in travellers]
        return await self.offer_for(product, people, service)

    async def offer_for(self, product: str, travellers: list[Json], service: str) -> str:
        """Return the id of the only offer of a product for any travellers, also when nothing is left of it."""
        query = {"product": product, "travellers": travellers, "service": service, "sold_out": True}
        answer = await self.world.post("/v1/offers", query)
        ((offer,),) = [bundle["offers"] for bundle in answer.body["offer_bundles"]]
        return str(offer["id"])

    async def reserve(self, *configurations: Json, order: str | None = None, **headers: str) -> Answer:
        """Add offers to an order, or to a new order if none is given."""
        body: Json = {"offerConfigurations": list(configurations)} | ({"orderId": order} if order else {})
        return await self.send("POST", "/v1/reserve-offers", body, **headers)

    async def update(self, order: str, *configurations: Json, refund: bool | None = None, **headers: str) -> Answer:
        """Replace lines."""
        body: Json = {"orderId": order, "offerConfigurations": list(configurations)}
        if refund is not None:
            body["refundPriceDifference"] = refund
        return await self.send("POST", "/v1/update-order", body, **headers)

    async def supplements(self, order: str, line: str, offer: str, *products: Json) -> Answer:
        """Add supplements to a line."""
        configuration = {"offerId": offer, "orderLineId": line, "selectedProductsConfiguration": list(products)}
        body = {"orderId": order, "offerConfigurations": [configuration]}
        return await self.send("POST", "/v1/update-order/supplement-products", body)

    async def show(self, order: str) -> Json:
        """Return an order."""
        return (await self.send("GET", f"/v1/orders/{order}")).body

    async def confirm(self, order: str) -> Answer:
        """Confirm an order."""
        return await self.send("POST", f"/v1/orders/{order}/orderlines/confirm")

    async def pay(self, order: str, amount: str) -> Answer:
        """Pay through the native API: Entur's has no route for it."""
        return await self.world.pay(order, amount)

    async def sold(
        self, *travellers: str, product: str = "standard", train: str | None = None
    ) -> tuple[str, list[str]]:
        """Sell and confirm an order in one native change; return its id and its lines."""
        order = await self.world.sold(*travellers, product=product, train=train)
        return order, await self.world.lines(order)

    async def sold_in_three_calls(self, *travellers: str, product: str = "standard") -> tuple[str, list[str]]:
        """Sell and confirm an order as a sales channel does: reserve, pay, confirm."""
        train = self.world.train()
        offer = await self.offer(product, *travellers, service=train)
        answer = await self.reserve({"offerId": offer})
        assert answer.status == 200, answer.body
        order = str(answer.body["orderId"])
        assert (await self.pay(order, (await self.show(order))["balance"])).status == 200
        assert (await self.confirm(order)).status == 200
        return order, list(answer.body["orderLineIds"])


def new_key() -> str:
    """Return a new idempotency key."""
    return str(uuid.uuid4())
