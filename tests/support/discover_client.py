"""A client of the discover.swiss routes, written as a point of sale for the original API would be."""

import uuid
from datetime import timedelta
from typing import Any

from domain.money import Money
from domain.products import PriceRow, Product
from store.tables import ProductRow, SeatRow, ServiceRow
from tests.support.world import TENANT, Answer, Json, World

HELMA = {"identifier": "helma", "birthDate": "2000-02-18", "givenName": "Helma", "familyName": "Lovers"}
HUAN = {"identifier": "huan", "birthDate": "2010-02-18", "givenName": "Huan", "familyName": "Lovers"}
JHON = {"identifier": "jhon", "birthDate": "1980-02-18", "givenName": "Smith", "familyName": "Jhon"}
JESSIKA = {"identifier": "jessika", "birthDate": "1979-02-18", "givenName": "Smith", "familyName": "Jessika"}
DAY_CARD, THREE_DAYS = "nova_zurichcard24", "nova_zurichcard72"


def without_names(*travellers: Json) -> list[Json]:
    """Return travellers with the members that a search takes: no names."""
    return [{"identifier": each["identifier"], "birthDate": each["birthDate"]} for each in travellers]


def item(product: str, *travellers: Json, valid_from: str = "2021-10-22T10:00:00", **more: Any) -> Json:
    """Return an item with a product configuration."""
    configuration = {"product": {"identifier": product}, "validFrom": valid_from, "traveler": list(travellers)}
    return {"orderQuantity": 1, "orderedItem": configuration | more}


class DiscoverClient:
    """Sends requests below the façade's base path."""

    def __init__(self, world: World, base: str = "/b2bmarket/v1") -> None:
        self.world = world
        self.base = base

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request."""
        return await self.world.send(method, f"{self.base}{path}", body, **headers)

    async def order(self, *items: Json, **headers: str) -> str:
        """Create an order and return its number."""
        answer = await self.send("POST", "/orders", {"orderedItem": list(items)} if items else {}, **headers)
        assert answer.status == 200, answer.body
        return str(answer.body["order"]["orderNumber"])

    async def show(self, order: str) -> Json:
        """Return the current order."""
        shown: Json = (await self.send("GET", f"/orders/{order}")).body["order"]
        return shown

    async def item(self, number: str) -> Json:
        """Return the current item."""
        shown: Json = (await self.send("GET", _path(number))).body["orderItem"]
        return shown

    async def add(self, order: str, body: Json, **headers: str) -> Answer:
        """Add an item."""
        return await self.send("POST", f"/orders/{order}/items", body, **headers)

    async def put(self, number: str, body: Json, **headers: str) -> Answer:
        """Update an item."""
        return await self.send("PUT", _path(number), body, **headers)

    async def remove(self, number: str, **headers: str) -> Answer:
        """Remove an item."""
        return await self.send("DELETE", _path(number), **headers)

    async def offers(self, order: str, product: str, *travellers: Json, **more: Any) -> list[Json]:
        """Search offer bundles for an order."""
        query = item(product, *travellers, **more)["orderedItem"]
        bundles: list[Json] = (await self.send("POST", f"/orders/{order}/offers", query)).body["offerBundle"]
        return bundles

    async def bundle(self, order: str, product: str, *travellers: Json, **more: Any) -> str:
        """Return the id of the only bundle of a product."""
        (bundle,) = await self.offers(order, product, *travellers, **more)
        return str(bundle["id"])

    def panorama(self, seats: int = 8, leaves_in: timedelta = timedelta(days=30)) -> tuple[str, str, str]:
        """Add a train priced in francs on its own railway line.

        Returns its product, its service and the ISO instant at which it departs.
        """
        name = f"panorama-{uuid.uuid4().hex[:8]}"
        departs = (self.world.components.store.now() + leaves_in).replace(hour=12, minute=0, second=0, microsecond=0)
        template = self.world.components.offers.products(TENANT, [DAY_CARD])[DAY_CARD]
        price = PriceRow(min_age=0, max_age=2500, price=Money(8900, "CHF"))
        product: Product = template.model_copy(
            update={"id": name, "parent": "", "railway_line": name, "prices": (price,)}
        )
        with self.world.components.store.write() as tx:
            tx.add(ProductRow(tenant=TENANT, id=name, railway_line=name, document=product.model_dump_json()))
            tx.add(ServiceRow(tenant=TENANT, id=name, railway_line=name, departs_at=departs, day=departs.date()))
            tx.add_all(SeatRow(tenant=TENANT, service=name, coach=1, seat=n, row=0) for n in range(1, seats + 1))
        return name, name, departs.isoformat()

    def product(self, **changed: Any) -> str:
        """Add a variant of the day card to the catalogue and return its identifier."""
        name = f"card-{uuid.uuid4().hex[:8]}"
        template = self.world.components.offers.products(TENANT, [DAY_CARD])[DAY_CARD]
        product: Product = template.model_copy(update={"id": name, "parent": "", **changed})
        with self.world.components.store.write() as tx:
            tx.add(ProductRow(tenant=TENANT, id=name, railway_line=None, document=product.model_dump_json()))
        return name

    def withdraw(self, product: str) -> None:
        """Remove a product from the catalogue."""
        with self.world.components.store.write() as tx:
            tx.delete(tx.get_one(ProductRow, (TENANT, product)))


def _path(number: str) -> str:
    order, _, _ = number.rpartition("-")
    return f"/orders/{order}/items/{number}"


def codes(answer: Answer) -> list[str]:
    """Return the codes of an answer's validation messages."""
    return [message["code"] for message in answer.body["validationMessages"]]
