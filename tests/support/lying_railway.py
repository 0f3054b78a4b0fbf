"""An installation whose seats are at a railway behind HTTP, which answers what a test says and keeps its own book."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from examples.fake_systems.railway import Hold, Railway, RailwayRefusalError, Seats, Units
from examples.fake_systems.server import FakeSystems
from examples.providers.railway_inventory import RailwayInventory, RailwaySettings
from providers.contracts import FaultProxy
from store.tables import ReservationRow
from tests.support.canary import ADULT
from tests.support.external_systems import SECRET, serve_behind_proxy
from tests.support.final_checks import check_invariants
from tests.support.installation import running_world
from tests.support.world import CARD, Answer, World, add

TIMEOUT = timedelta(seconds=2)

Lie = Callable[[list[Hold]], list[Hold]]
Place = tuple[str, str, str, str]
"""A reference, what it is for, where, and whether it is held or sold."""


@dataclass
class LyingRailway(Railway):
    """Does what is requested; then a test changes its answer."""

    lie: Lie | None = None
    lies_left: int = 0
    refusals: dict[str, str] = field(default_factory=dict)
    """The refusal with which it answers every act of a kind: "hold" or "sell"."""
    refusals_after: dict[str, str] = field(default_factory=dict)
    """The refusal with which it answers every act of a kind from then on, once it has done one."""
    says: str | None = None
    """What it says of every key, instead of what it knows."""
    found: list[str] = field(default_factory=list)
    """The keys of which it was to say what it knows."""
    before_sale: Callable[[], object] = lambda: None

    def clear(self) -> None:
        """Answer what is true."""
        self.lie = self.says = None
        self.lies_left = 0
        self.longest = self.extension_price = None
        self.catch_up()
        self.before_sale = lambda: None
        self.found.clear()
        self.refusals.clear()
        self.refusals_after.clear()

    def lie_once(self, lie: Lie, times: int = 1) -> None:
        """Answer something else to the next holds."""
        self.lie, self.lies_left = lie, times

    def hold(self, key: str, requests: Sequence[Seats | Units], until: datetime) -> list[Hold]:
        """Hold, and answer what the test says."""
        self._check_refusal("hold", requests[0])
        held = super().hold(key, requests, until)
        self._refuse_from_now_on("hold")
        if self.lie is None or not self.lies_left:
            return held
        self.lies_left -= 1
        return self.lie([replace(each) for each in held])

    def find(self, key: str) -> tuple[str, list[Hold]]:
        """Say what is known of a key, or what the test says."""
        self.found.append(key)
        return (self.says, []) if self.says else super().find(key)

    def sell(self, taken: list[str], given_up: list[str]) -> bool:
        """Sell and release, unless the test refuses it."""
        self.before_sale()
        self._check_refusal("sell")
        done = super().sell(taken, given_up)
        self._refuse_from_now_on("sell")
        return done

    def drop_accepted(self) -> None:
        """Do nothing of what is accepted, and from now on everything at once."""
        self.accepted.clear()
        self.selling.clear()
        self.slow = False

    def _refuse_from_now_on(self, act: str) -> None:
        if act in self.refusals_after:
            self.refusals[act] = self.refusals_after[act]

    def _check_refusal(self, act: str, refused: Seats | Units | None = None) -> None:
        if act in self.refusals:
            raise RailwayRefusalError(self.refusals[act], refused)


@dataclass
class ByRail:
    """An installation, its railway, and the proxy between the two."""

    world: World
    railway: LyingRailway
    proxy: FaultProxy
    database: str

    def train(self, coaches: int = 2, seats: int = 16) -> str:
        """Add a departure, which the railway and our catalogue know."""
        service = self.world.train(coaches, seats)
        self.railway.put(service, coaches, seats)
        return service

    async def buy(
        self, order: str, train: str, *travellers: str, product: str = "standard", seats: Sequence[str] = ()
    ) -> Answer:
        """Add a ticket for each traveller to an order and confirm it in one go."""
        people = travellers or (ADULT,)
        bundle = await self.world.offer(product, *people, service=train)
        operation = add(bundle, *people, **({"seats": list(seats)} if seats else {}))
        return await self.world.change(order, operation, confirm=True, payment=CARD, Prefer="wait=40")

    async def sold(self, train: str) -> str:
        """Return an order with one sold ticket."""
        order = await self.world.order()
        answer = await self.buy(order, train)
        assert answer.status == 200, answer.body
        return order

    def our_book(self, order: str) -> list[Place]:
        """Return what our rows say that an order has."""
        of_order = (ReservationRow.order_number == order, col(ReservationRow.state) != "released")
        with self.world.components.store.read() as tx:
            rows = tx.exec(select(ReservationRow).where(*of_order)).all()
            return sorted(_ours(row) for row in rows)

    def their_book(self, order: str) -> list[Place]:
        """Return what the railway has under the keys of an order's changes."""
        changes = {row.id for row in self.world.changes_of(order)}
        holds = [each for each in self.railway.holds.values() if each.key.partition("/")[0] in changes]
        return sorted(_theirs(each) for each in holds)

    def assert_books_agree(self, *orders: str) -> None:
        """See that both books have the same of some orders, row by row, and the same money."""
        for order in orders:
            assert self.our_book(order) == self.their_book(order)
            assert self.world.at_most_once(order)
        places = [each.place for each in self.railway.holds.values()]
        assert len(set(places)) == len(places)

    async def events(self, order: str) -> list[str]:
        """Return the types of an order's events."""
        found = await self.world.send("GET", f"/v1/orders/{order}/history?limit=200")
        return [each["type"] for each in found.body["events"]]


def _ours(row: ReservationRow) -> Place:
    state = "sold" if row.state == "confirmed" else row.state
    if row.item is not None:
        return row.reference, row.item, row.service or str(row.day), state
    return row.reference, f"{row.coach}-{row.seat}", row.service or "", state


def _theirs(hold: Hold) -> Place:
    state = "held" if hold.until else "sold"
    first, second, third = hold.place
    if isinstance(hold.requested, Units):
        return hold.reference, first, str(second), state
    return hold.reference, f"{second}-{third}", first, state


@asynccontextmanager
async def running_by_rail(database: str, temporal: str, namespace: str, **settings: Any) -> AsyncIterator[ByRail]:
    """Run an installation whose seats are at a lying railway; check all invariants at its end."""
    railway = LyingRailway()
    with serve_behind_proxy(FakeSystems(railway=railway)) as proxy:
        adapter = RailwaySettings(url=proxy.url, secret=SECRET, timeout=TIMEOUT)
        with closing(RailwayInventory(adapter)) as inventory:
            async with running_world(
                database, temporal, namespace, inventory=lambda _store: inventory, **settings
            ) as world:
                yield ByRail(world, railway, proxy, database)
                check_invariants(world)
