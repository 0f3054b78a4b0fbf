"""Random requests on random orders: the product does, shows and refuses what the model of the rules says.

`make test` sends the same few hundred requests each time, so that a change is judged and not luck. `make fuzz` with
CHANGEOVER_TESTS_EXAMPLES=100, for a night, sends thousands of others. A failure prints the requests;
`--hypothesis-seed` repeats the run whose seed pytest prints.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.rules.comparison import ComparedOrder, text
from tests.rules.model.lines import (
    Add,
    AddSupplements,
    Line,
    Offer,
    Operation,
    Person,
    Product,
    Remove,
    Replace,
    Service,
    SetName,
    Supplement,
    Wish,
)
from tests.rules.model.order import Catalogue, Order
from tests.rules.shop import BORN, LATER, Shop

PEOPLE = tuple(Person(each, BORN[each], child=each == "kid") for each in ("ann", "bob", "cat", "kid"))
OTHER_BORN = "1986-05-04"
SERVICES, MOST_LINES = 4, 7
EXAMPLES = int(os.environ.get("CHANGEOVER_TESTS_EXAMPLES", "0"))  # noqa: TID251 - set by who starts the tests
"""How many orders a night tries; without it only `make test`'s are."""
KINDS = {
    "native": ("add", "replace", "replace", "replace", "remove", "supplements", "rename"),
    "entur": ("add", "replace", "replace", "supplements"),
}
ROUTES = st.sampled_from(("native", "native", "entur"))
Draw = Callable[[st.SearchStrategy[Any]], Any]


def catalogue_of(shop: Shop) -> Catalogue:
    """Put products of each kind into the shop and return them as the model knows them."""
    meal = Supplement(shop.supplement("89.00", kind="MEAL", tax_rate=Decimal("0.15")), 89_00)
    bicycle = Supplement(
        shop.supplement("150.00", kind="BICYCLE", max_per_traveller=1), 150_00, Decimal("0.12"), most=1
    )
    both = (meal.name, bicycle.name)
    kinds = {
        "standard": Product("", 299_00, 149_50, fee=50_00, sells=both),
        "flexible": Product("", 349_00, 174_50, rate=Decimal("0.25"), sells=both),
        "saver": Product("", 199_00, 99_50, fee=30_00, sells=both[:1]),
        "bus": Product("", 259_00, 129_50, sells=()),
        "cheap": Product("", 20_00, 10_00, fee=50_00, sells=both),
        "first": Product("", 499_00, 249_50, sells=both, seating="first"),
        "compartment": Product("", 600_00, sells=both, group=True),
    }
    products = [replace(product, name=_sold_as(shop, kind, product)) for kind, product in kinds.items()]
    return Catalogue({each.name: each for each in products}, {each.name: each for each in (meal, bicycle)})


def _sold_as(shop: Shop, kind: str, product: Product) -> str:
    members: dict[str, Any] = {"supplements": product.sells, "tax_rate": product.rate, "seating": product.seating}
    if product.group:
        return shop.compartment(text(product.price), kind=kind, **members)
    child = None if product.child is None else text(product.child)
    return shop.ticket(text(product.price), child=child, fee=text(product.fee), kind=kind, **members)


class RandomRequests(RuleBasedStateMachine):
    """Sends random requests for one order."""

    def __init__(self, shop: Shop, catalogue: Catalogue, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.shop, self.catalogue, self.loop = shop, catalogue, loop

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a request on the loop of the test and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    @initialize()
    def open_order(self) -> None:
        """Create the trains and an empty order."""
        self.services = [Service(self.shop.train(LATER + timedelta(hours=n)), n) for n in range(SERVICES)]
        self.compared = ComparedOrder(self.run(self.shop.basket()), Order(self.catalogue))
        product = next(iter(self.catalogue.products.values()))
        for service in self.services:
            offer = Offer(product, service, (PEOPLE[0],))
            self.compared.early[service] = self.run(self.compared.find(offer))

    @property
    def order(self) -> Order:
        """The model."""
        return self.compared.model

    def stale(self) -> bool:
        """Whether a train has left that the open draft gives up, adds or renames: then its deadline is over."""
        sold, live = self.order.sold(), self.order.live()
        before = self.order.confirmed.names
        renamed = {who for who, name in self.order.now.names.items() if name != before.get(who)}
        touched = [line for line in (*sold, *live) if line not in sold or line not in live]
        touched += [line for line in sold if renamed & set(line.travellers)]
        return self.order.draft and any(line.service in self.order.left for line in touched)

    # Requests

    @precondition(lambda self: not self.stale())
    @rule(data=st.data(), word=st.sampled_from((None, True, False)), confirm=st.booleans(), route=ROUTES)
    def change(self, data: st.DataObject, word: bool | None, confirm: bool, route: str) -> None:  # noqa: FBT001
        """Change the order by one or two operations on different travellers."""
        kinds = KINDS[route] if self.mains() else ("add",)
        kind = data.draw(st.sampled_from(kinds))
        count = data.draw(st.sampled_from((1, 1, 1, 2)))
        operations: list[Operation] = []
        used: set[str] = set()
        for _ in range(count):
            kind = kind if route == "entur" else data.draw(st.sampled_from(kinds))
            operation = getattr(self, f"_{kind}")(data.draw, used)
            if route == "entur" and isinstance(operation, AddSupplements):
                operation = replace(operation, traveller=None)  # it has no member for it
            operations += [operation] if operation else []
        if not operations:
            return
        how = f"{route}{' in one go' if confirm and route == 'native' else ''}, refund={word}"
        note(f"{how}: {'; '.join(map(self._describe, operations))}")
        more: dict[str, Any] = {"word": word} if kind == "replace" or route == "native" else {}
        more |= {"confirm": confirm} if route == "native" else {}
        self.run(self.compared.change(operations, route=route, **more))

    @precondition(lambda self: self.order.draft and not self.stale())
    @rule(part=st.sampled_from((1, 1, 2)))
    def pay(self, part: int) -> None:
        """Set money aside: all that is owed, a part of it, or something although nothing is owed."""
        self.run(self.compared.pay(max(self.order.balance() // part, 1_00)))

    @precondition(lambda self: self.order.draft or self.order.last_draft_confirmed is not None)
    @rule(pays=st.sampled_from((True, True, True, False)))
    def confirm(self, pays: bool) -> None:  # noqa: FBT001
        """Confirm the draft, if there is one."""
        self.run(self.compared.confirm(pays=pays))

    @precondition(lambda self: self.order.draft)
    @rule(expired=st.booleans())
    def end_draft(self, expired: bool) -> None:  # noqa: FBT001
        """Discard the draft, or let it expire."""
        self.run(self.compared.end_draft(expired=expired))

    @precondition(lambda self: self.order.version and len(self.order.left) < SERVICES - 2)
    @rule(number=st.integers(0, SERVICES - 1))
    def leave(self, number: int) -> None:
        """Let a train leave."""
        self.run(self.compared.leave(self.services[number]))

    # Operations

    def mains(self) -> list[Line]:
        """Return the live lines that are no supplements."""
        return [line for line in self.order.live() if line.on is None]

    def _add(self, draw: Draw, used: set[str]) -> Add | None:
        if len(self.mains()) >= MOST_LINES:
            return None
        people = self._people(draw, used)
        return Add(self._wish(draw, people)) if people else None

    def _replace(self, draw: Draw, used: set[str]) -> Replace | None:
        keys = self._keys(draw, used, draw(st.sampled_from((1, 1, 2, 3))), mains=True)
        old = {line.key: line for key in keys for line in self.order.resolve(key)}
        names = {who for line in old.values() for who in line.travellers}
        if not keys:
            return None
        used |= names
        staying = [each for each in PEOPLE if each.name in names and draw(st.integers(0, 3))]
        people = [*staying, *self._people(draw, used)[: draw(st.sampled_from((0, 0, 1)))]]
        parts = [people] if draw(st.booleans()) else [[each] for each in people]
        wishes = tuple(self._wish(draw, part[:: draw(st.sampled_from((1, -1)))]) for part in parts if part)
        # The rules do not say who gets which of several supplements of a whole group, or any with newcomers.
        whole = [each for each in self.order.live() if each.on in old and not each.travellers]
        if len(whole) > 1 or (whole and len(people) > len(staying)):
            return None
        same = {(line.product, line.service) for line in old.values()}
        if any((wish.offer.product.name, wish.offer.service) in same for wish in wishes):
            return None
        return Replace(tuple(keys), wishes) if wishes else None

    def _remove(self, draw: Draw, used: set[str]) -> Remove | None:
        keys = self._keys(draw, used, 1, mains=draw(st.booleans()))
        if keys:
            used |= {who for line in self.order.resolve(keys[0]) for who in line.travellers}
        return Remove(keys[0]) if keys else None

    def _supplements(self, draw: Draw, used: set[str]) -> AddSupplements | None:
        keys = self._keys(draw, used, 1, mains=True)
        lines = self.order.resolve(keys[0]) if keys else []
        if not lines:
            return None
        used |= set(lines[0].travellers)
        codes = self._codes(draw(st.lists(st.integers(0, 1), min_size=1, max_size=2)))
        groups = self.order.product(lines[0]).group
        traveller = draw(st.sampled_from((None, *lines[0].travellers))) if groups else None
        return AddSupplements(keys[0], codes, traveller)

    def _rename(self, draw: Draw, used: set[str]) -> SetName | None:
        known = [each.name for each in PEOPLE if any(each.name in line.travellers for line in self.mains())]
        names = [each for each in known if each not in used]
        if not names:
            return None
        who, name = draw(st.sampled_from(names)), draw(st.sampled_from(("Ann", "Anne", "Anna")))
        return SetName(who, name) if self.order.now.names.get(who) != name else None

    def _people(self, draw: Draw, used: set[str]) -> list[Person]:
        free = [n for n, each in enumerate(PEOPLE) if each.name not in used]
        numbers = draw(st.lists(st.sampled_from(free), min_size=1, max_size=3, unique=True)) if free else []
        used |= {PEOPLE[number].name for number in numbers}
        return [self._born(draw, PEOPLE[number]) for number in numbers]

    def _born(self, draw: Draw, person: Person) -> Person:
        """Return a traveller as the order knows him, or now and then with another birth date."""
        if person.child or draw(st.integers(0, 11)) < 11:
            return self.order.now.people.get(person.name, person)
        return replace(person, born=OTHER_BORN)

    def _wish(self, draw: Draw, people: list[Person]) -> Wish:
        product = draw(st.integers(0, len(self.catalogue.products) - 1))
        service = draw(st.sampled_from([n for n, each in enumerate(self.services) if each not in self.order.left]))
        codes = self._codes(draw(st.lists(st.integers(0, 1), max_size=2, unique=True)))
        offer = Offer(list(self.catalogue.products.values())[product], self.services[service], tuple(people))
        return Wish(offer, codes)

    def _codes(self, numbers: list[int]) -> tuple[str, ...]:
        return tuple(list(self.catalogue.supplements)[number] for number in numbers)

    def _keys(self, draw: Draw, used: set[str], count: int, *, mains: bool) -> list[int]:
        """Return some ids: mostly of live lines, now and then earlier ones or ones that stand for nothing."""
        lines = [
            line for line in self.order.lines.values() if (line.on is None) == mains and line.key in self.compared.ids
        ]
        free = [line for line in lines if not used & set(line.travellers)]
        live = [line for line in free if line.key in self.order.now.live]
        chosen: list[int] = []
        for _ in range(count):
            pool = [each.key for each in (live if live and draw(st.integers(0, 3)) else free) if each.key not in chosen]
            chosen += [draw(st.sampled_from(pool))] if pool else []
        return chosen

    # How a failure is printed

    def _describe(self, operation: Operation) -> str:
        ids = self.compared.ids
        match operation:
            case Add(wish):
                return f"add {self._wished(wish)}"
            case Replace(keys, wishes):
                return f"replace {[ids[key] for key in keys]} by {', '.join(map(self._wished, wishes))}"
            case Remove(key):
                return f"remove {ids[key]}"
            case AddSupplements(key, codes, traveller):
                return f"add {codes} to {ids[key]} for {traveller}"
            case SetName(traveller, name):
                return f"call {traveller} {name}"

    def _wished(self, wish: Wish) -> str:
        people, train = "+".join(each.name for each in wish.offer.people), self.services.index(wish.offer.service)
        return f"{people} on train {train} by {wish.offer.product.name} with {wish.supplements}"


async def compare(world_shop: Shop, examples: int, steps: int, **more: Any) -> None:
    """Run the machine beside the test's loop."""
    loop, catalogue = asyncio.get_running_loop(), catalogue_of(world_shop)
    checks = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )
    machine: Any = lambda: RandomRequests(world_shop, catalogue, loop)  # noqa: E731 - hypothesis only calls it
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=checks)


@pytest.mark.timeout(300)
async def test_random_requests_end_as_the_model_says(shop: Shop) -> None:
    await compare(shop, examples=10, steps=20, derandomize=True, phases=(Phase.generate,))


@pytest.mark.fuzz
@pytest.mark.timeout(36_000)
@pytest.mark.skipif(not EXAMPLES, reason="CHANGEOVER_TESTS_EXAMPLES=100 sends thousands of other requests, for a night")
async def test_thousands_of_random_requests_end_as_the_model_says(shop: Shop) -> None:
    await compare(shop, examples=EXAMPLES, steps=30, print_blob=True, report_multiple_bugs=False)
