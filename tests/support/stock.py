"""Products and supplements with a capacity, for one test alone."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlmodel import select

from domain.products import CapacityPer, Product, Supplement
from store.tables import ProductRow, StockHoldRow, SupplementRow
from tests.support.world import TENANT, Answer, Json, World, add

LIMITED, DEARER_LIMITED, LIMITED_LINE = "limited", "limited_flexible", "limited"


@dataclass(frozen=True)
class Stock:
    """A product that sells a supplement for bicycles, on a railway line of its own."""

    world: World
    product: str
    bicycle: str
    line: str

    def train(self, **size: Any) -> str:
        """Add a train of the line; return its service id."""
        return self.world.train(line=self.line, **size)

    def set_capacity(self, capacity: int) -> None:
        """Change how many bicycles a train carries from now on."""
        with self.world.components.store.write() as tx:
            stored = tx.get_one(SupplementRow, (TENANT, self.bicycle))
            changed = Supplement.model_validate_json(stored.document).model_copy(update={"capacity": capacity})
            stored.document = changed.model_dump_json()
            tx.add(stored)

    async def book(self, order: str, traveller: str, train: str, bicycles: int = 1, **more: Any) -> Answer:
        """Add a ticket with bicycles to the draft of an order."""
        bundle = await self.world.offer(self.product, traveller, service=train)
        wishes = [{"supplement": self.bicycle, "count": bicycles}] if bicycles else []
        return await self.world.change(order, add(bundle, traveller, supplements=wishes), **more)

    async def sell(self, traveller: str, train: str, bicycles: int = 1, **more: Any) -> str:
        """Sell an order with one ticket and bicycles; return its number."""
        order = await self.world.order()
        answer = await self.book(order, traveller, train, bicycles, **more)
        assert answer.status == 200, answer.body
        return order

    def held(self, place: str) -> list[str]:
        """Return the state of each unit of the bicycles on a train or day, from the inventory's own records."""
        return held(self.world, self.bicycle, place)


def held(world: World, item: str, place: str) -> list[str]:
    """Return the state of each unit of an item on a service or day, from the inventory's own records."""
    with world.components.store.read() as tx:
        rows = tx.exec(select(StockHoldRow).where(StockHoldRow.item == item, StockHoldRow.place == place))
        return [row.state for row in sorted(rows, key=lambda row: row.unit)]


def add_stock(
    world: World, bicycles: int | None, places: int | None = None, per: CapacityPer = CapacityPer.FIRST_DAY
) -> Stock:
    """Add a product on a line of its own, with a capacity of its own if given, and bicycles with a capacity."""
    name, store = uuid.uuid4().hex[:8], world.components.store
    product, bicycle, line = f"ticket-{name}", f"bicycle-{name}", f"line-{name}"
    with store.write() as tx:
        ticket = Product.model_validate_json(tx.get_one(ProductRow, (TENANT, "standard")).document)
        extra = Supplement.model_validate_json(tx.get_one(SupplementRow, (TENANT, "BICYCLE")).document)
        own = {"id": product, "railway_line": line, "supplements": (bicycle,), "capacity": places}
        document = ticket.model_copy(update=own).model_dump_json()
        tx.add(ProductRow(tenant=TENANT, id=product, railway_line=line, document=document))
        limited = {"id": bicycle, "capacity": bicycles, "capacity_per": per, "max_per_traveller": None}
        tx.add(SupplementRow(tenant=TENANT, id=bicycle, document=extra.model_copy(update=limited).model_dump_json()))
    return Stock(world, product, bicycle, line)


def add_limited_products(world: World) -> None:
    """Add copies of the demo's two tickets of which each train of their line carries two."""
    with world.components.store.write() as tx:
        for copied, name in (("standard", LIMITED), ("flexible", DEARER_LIMITED)):
            ticket = Product.model_validate_json(tx.get_one(ProductRow, (TENANT, copied)).document)
            limited = {"id": name, "railway_line": LIMITED_LINE, "supplements": (), "capacity": 2}
            document = ticket.model_copy(update=limited).model_dump_json()
            tx.merge(ProductRow(tenant=TENANT, id=name, railway_line=LIMITED_LINE, document=document))


def add_pass(world: World, capacity: int, per: CapacityPer, validity: str = "P3D") -> str:
    """Add a product without a service that a day has a capacity for; return its id."""
    name = f"pass-{uuid.uuid4().hex[:8]}"
    with world.components.store.write() as tx:
        ticket = Product.model_validate_json(tx.get_one(ProductRow, (TENANT, "standard")).document)
        own: Json = {"id": name, "railway_line": None, "supplements": (), "capacity": capacity}
        valid = {"capacity_per": per, "validity": validity}
        document = ticket.model_copy(update=own | valid).model_dump_json()
        tx.add(ProductRow(tenant=TENANT, id=name, railway_line=None, document=document))
    return name
