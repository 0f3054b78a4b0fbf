"""A shop with trains, products and supplements of its own, and bookings as its customers see them."""

import itertools
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlmodel import select
from temporalio.testing import TimeSkipper

from domain.money import Money, parse_money
from domain.products import GroupSize, PriceRow, Product, Supplement
from store.tables import LedgerRow, ProductRow, SeatRow, ServiceRow, SupplementRow
from tests.support.entur_client import EnturClient
from tests.support.world import CARD, TENANT, Answer, Json, World

BORN = {
    **dict.fromkeys(("ann", "bob", "cat", "dan", "eve", "fay"), "1987-06-05"),
    **dict.fromkeys(("kid", "tot"), "2019-08-07"),
    "baby": "2026-03-04",
}
ADULT_AGE = 16
SOON = timedelta(minutes=10)
"""Before the draft's life of 20 minutes is over."""
LATER = timedelta(days=30)


def add(bundle: str, *supplements: str | Json, **more: Any) -> Json:
    """Return the operation that adds a bundle, with supplements for each line."""
    return {"op": "add_lines", "offer_bundle_id": bundle, "supplements": wishes(*supplements), **more}


def replace(lines: list[str], *bundles: str, supplements: tuple[str | Json, ...] = (), **more: Any) -> Json:
    """Return the operation that replaces lines, with supplements for each new one."""
    each = {"supplements": wishes(*supplements), **more}
    return {"op": "replace_lines", "lines": lines, "with": [{"offer_bundle_id": bundle} | each for bundle in bundles]}


def remove(*lines: str) -> Json:
    """Return the operation that gives up lines or takes off supplements."""
    return {"op": "remove_lines", "lines": list(lines)}


def extras(line: str, *supplements: str | Json) -> Json:
    """Return the operation that adds supplements to a line."""
    return {"op": "add_supplements", "line": line, "supplements": wishes(*supplements)}


def name(traveller: str, **details: str) -> Json:
    """Return the operation that sets details of a traveller."""
    return {"op": "set_travellers", "travellers": [{"id": traveller, **details}]}


def wishes(*supplements: str | Json) -> list[Json]:
    """Return wishes for supplements: each code as often as it is listed, or a wish as it is."""
    counted = Counter(each for each in supplements if isinstance(each, str))
    plain: list[Json] = [{"supplement": code, "count": count} for code, count in counted.items()]
    return plain + [each for each in supplements if not isinstance(each, str)]


@dataclass(frozen=True)
class Shop:
    """Sells on a railway line of its own."""

    world: World
    line: str

    @property
    def now(self) -> datetime:
        """The store's time."""
        return self.world.components.store.now()

    def ticket(self, price: str = "299.00", *, fee: str = "0.00", currency: str = "NOK", **more: Any) -> str:
        """Add a product of the railway line and return its id; `child` is the price below 16."""
        return self._product(price, fee, currency, **({"railway_line": self.line} | more))

    def card(self, price: str = "27.00", *, fee: str = "0.00", currency: str = "NOK", **more: Any) -> str:
        """Add a product without a service and return its id."""
        return self._product(price, fee, currency, **more)

    def compartment(self, price: str = "1196.00", largest: int = 6, **more: Any) -> str:
        """Add a group product and return its id; it needs nobody's birth date."""
        size, nothing = GroupSize(smallest=1, largest=largest), {"fields_for_offer": (), "fields_for_order": ()}
        return self.ticket(price, group=size, **(nothing | more))

    def _product(
        self, price: str, fee: str, currency: str, child: str | None = None, kind: str = "product", **more: Any
    ) -> str:
        ages = {0: child or price, ADULT_AGE: price}
        tops = (ADULT_AGE - 1, 2500)
        rows = tuple(
            PriceRow(min_age=age, max_age=top, price=parse_money(each, currency))
            for (age, each), top in zip(ages.items(), tops, strict=True)
        )
        defaults: dict[str, Any] = {
            "prices": rows,
            "tax_rate": Decimal("0.12"),
            "change_fee": parse_money(fee, currency),
            "supplements": ("MEAL", "BICYCLE"),
            "fields_for_order": ("birth_date",),
        }
        code = f"{kind}-{uuid.uuid4().hex[:8]}"
        self.keep(Product(id=code, name="Product", currency=currency, **(defaults | more)))
        return code

    def keep(self, product: Product) -> None:
        """Add a product to the catalogue, or change it."""
        with self.world.components.store.write() as tx:
            document, line = product.model_dump_json(), product.railway_line
            tx.merge(ProductRow(tenant=TENANT, id=product.id, railway_line=line, document=document))

    def alter(self, product: str, **changed: Any) -> None:
        """Change members of a product."""
        found = self.world.components.offers.products(TENANT, [product])[product]
        self.keep(found.model_copy(update=changed))

    def drop(self, product: str) -> None:
        """Take a product out of the catalogue altogether."""
        with self.world.components.store.write() as tx:
            tx.delete(tx.get_one(ProductRow, (TENANT, product)))

    def supplement(self, price: str = "150.00", currency: str = "NOK", kind: str = "EXTRA", **more: Any) -> str:
        """Add a supplement and return its id; a ticket sells it once it names it."""
        code, shared = f"{kind}-{uuid.uuid4().hex[:8]}", {"tax_rate": Decimal("0.12"), "changes_seating": False}
        self.keep_supplement(Supplement(id=code, name="Extra", price=parse_money(price, currency), **(shared | more)))
        return code

    def keep_supplement(self, supplement: Supplement) -> None:
        """Add a supplement to the catalogue, or change it."""
        with self.world.components.store.write() as tx:
            tx.merge(SupplementRow(tenant=TENANT, id=supplement.id, document=supplement.model_dump_json()))

    def alter_supplement(self, code: str, **changed: Any) -> None:
        """Change members of a supplement."""
        found = self.world.components.offers.supplements(TENANT, [code])[code]
        self.keep_supplement(found.model_copy(update=changed))

    def train(self, leaves_in: timedelta = LATER, coaches: int = 2, seats: int = 16) -> str:
        """Add a train and return its service."""
        service, departs = f"S-{uuid.uuid4().hex[:8]}", self.now + leaves_in
        with self.world.components.store.write() as tx:
            day = departs.date()
            tx.add(ServiceRow(tenant=TENANT, id=service, railway_line=self.line, departs_at=departs, day=day))
            for coach, seat in itertools.product(range(1, coaches + 1), range(1, seats + 1)):
                tx.add(SeatRow(tenant=TENANT, service=service, coach=coach, seat=seat, row=(seat - 1) // 4))
        return service

    def departs_at(self, service: str) -> datetime:
        """Return when a train leaves."""
        return self.world.components.offers.services(TENANT, [service])[service].departs_at

    def depart(self, *services: str) -> None:
        """Let trains leave now."""
        for service in services:
            self.reschedule(service, self.now)

    def reschedule(self, service: str, departs: datetime) -> None:
        """Let a train leave at another time."""
        with self.world.components.store.write() as tx:
            row = tx.get_one(ServiceRow, (TENANT, service))
            row.departs_at, row.day = departs, departs.date()

    def cancel(self, service: str) -> None:
        """Mark a train as cancelled."""
        with self.world.components.store.write() as tx:
            tx.get_one(ServiceRow, (TENANT, service)).cancelled = True

    async def search(self, product: str, *people: str, on: str | None = None, **more: Any) -> list[Json]:
        """Return the bundles found for people on a train, or valid from now without one."""
        where: Json = {"service": on} if on else {"valid_from": self.now.isoformat()}
        born: dict[str, str | None] = more.pop("born", {})
        travellers = [{"id": each, "birth_date": born[each] if each in born else BORN[each]} for each in people]
        body = {"product": product, "travellers": travellers} | where | more
        answer = await self.world.post("/v1/offers", body)
        assert answer.status == 200, answer.body
        bundles: list[Json] = answer.body["offer_bundles"]
        return bundles

    async def offer(self, product: str, *people: str, on: str | None = None, **more: Any) -> str:
        """Return the id of the only bundle found."""
        (bundle,) = await self.search(product, *people, on=on, **more)
        return str(bundle["id"])

    async def enturs_offer(self, product: str, *people: str, on: str | None = None, **more: Any) -> str:
        """Return the id of the only offer of the only bundle, as Entur's routes take it."""
        (bundle,) = await self.search(product, *people, on=on, **more)
        ((offer,),) = [bundle["offers"]]
        return str(offer["id"])

    async def basket(self, currency: str = "NOK") -> "Booking":
        """Return a new, empty order."""
        return Booking(self, await self.world.order(currency))

    async def sell(
        self, product: str, *people: str, on: str | None = None, extras: tuple[str | Json, ...] = (), **more: Any
    ) -> "Booking":
        """Sell a product in one go, with supplements for each line, and return the booking."""
        offered = {name: more.pop(name) for name in ("born", "valid_from", "time_zone") if name in more}
        bundle = await self.offer(product, *people, on=on, **offered)
        currency = self.world.components.offers.products(TENANT, [product])[product].currency
        booking = await self.basket(currency)
        done(await booking.change(add(bundle, *extras, **more), confirm=True, payment=CARD))
        return booking


@dataclass(frozen=True)
class Booking:
    """An order, with what a customer may do with it and see of it."""

    shop: Shop
    number: str

    @property
    def world(self) -> World:
        """The installation."""
        return self.shop.world

    async def change(self, *operations: Json, **more: Any) -> Answer:
        """Send a native change."""
        return await self.world.change(self.number, *operations, **more)

    async def quote(self, *operations: Json, **more: Any) -> Answer:
        """Send the same to the quotes."""
        return await self.world.post(f"/v1/orders/{self.number}/quotes", {"operations": list(operations), **more})

    async def confirm(self, payment: Json | None = None, **more: Any) -> Answer:
        """Confirm natively."""
        body = more | ({"payment": payment} if payment else {})
        return await self.world.post(f"/v1/orders/{self.number}/confirm", body)

    async def do(self, way: str, *operations: Json, payment: Json | None = CARD, **more: Any) -> Answer:
        """Change in one go, or into the draft and then confirm; return the first refusal or the last answer."""
        if way == "one go":
            return await self.change(*operations, confirm=True, **({"payment": payment} if payment else {}), **more)
        answer = await self.change(*operations, **more)
        return await self.confirm(payment) if answer.status == 200 else answer

    async def exchange(self, route: str, people: tuple[str, ...], product: str, on: str, **more: Any) -> Answer:
        """Replace the lines of some people by a product on a train: natively, or by Entur's update-order."""
        lines, refund = await self.lines(*people), more.pop("refund", None)
        if route == "native":
            bundle = await self.shop.offer(product, *people, on=on, **more)
            word = {} if refund is None else {"refund_price_difference": refund}
            return await self.change(replace(lines, bundle), **word)
        offer = await self.shop.enturs_offer(product, *people, on=on, **more)
        configuration = {"offerId": offer, "orderLineId": lines[0], "selectedOrderLineIds": lines}
        return await EnturClient(self.world).update(self.number, configuration, refund=refund)

    async def pay(self, amount: str) -> Answer:
        """Set money aside for the draft."""
        return await self.world.pay(self.number, amount)

    async def discard(self) -> Answer:
        """Discard the draft."""
        return await self.world.discard(self.number)

    async def wait(self, by: timedelta = timedelta(minutes=21)) -> str:
        """Skip time for the draft until it has ended."""
        await TimeSkipper(self.world.client).fast_forward(self.world.workflow(self.number), by)
        return await self.world.wait_for_end(self.number)

    async def show(self) -> Json:
        """Return the order."""
        return await self.world.show(self.number)

    async def balance(self) -> str:
        """Return what is owed."""
        return str((await self.show())["balance"])

    async def lines(self, *people: str) -> list[str]:
        """Return the lines of some people, or of all, without supplements."""
        lines = [line for line in (await self.show())["lines"] if line["supplement_of"] is None]
        return [line["id"] for line in lines if not people or set(people) & set(line["travellers"])]

    async def line(self, *people: str) -> str:
        """Return the only line of some people."""
        (line,) = await self.lines(*people)
        return line

    async def extras(self, *people: str) -> list[str]:
        """Return the supplements on the lines of some people, or on all."""
        lines, carriers = (await self.show())["lines"], await self.lines(*people)
        return [line["id"] for line in lines if line["supplement_of"] in carriers]

    async def travels(self) -> list[tuple[str, str, str]]:
        """Return who travels by which product on which train, by name."""
        lines = [line for line in (await self.show())["lines"] if line["supplement_of"] is None]
        return sorted((who, line["product"], line["service"] or "") for line in lines for who in line["travellers"])

    async def carries(self) -> list[tuple[str, str, str]]:
        """Return who has which supplement on which train, by name; a group line as a whole is named by its people."""
        shown = {line["id"]: line for line in (await self.show())["lines"]}
        found = [(line, shown[line["supplement_of"]]) for line in shown.values() if line["supplement_of"]]
        return sorted(
            ("+".join(line["travellers"] or sorted(on["travellers"])), line["product"], on["service"] or "")
            for line, on in found
        )

    async def seats(self) -> dict[str, tuple[str, str]]:
        """Return the seat of each traveller on the order's lines: train and seat."""
        shown = await self.show()
        seats = {each["id"]: (each["service"], each["seat"]) for each in shown["reservations"]}
        pairs = [
            pair for line in shown["lines"] for pair in zip(line["travellers"], line["reservations"], strict=False)
        ]
        return {who: seats[each] for who, each in pairs}

    def ledger(self, *kinds: str) -> list[tuple[str, int]]:
        """Return the movements of money of some kinds, or all, in order."""
        with self.world.components.store.read() as tx:
            rows = tx.exec(select(LedgerRow).where(LedgerRow.order_number == self.number).order_by("at", "key"))
            return [(row.kind, row.amount_minor) for row in rows if not kinds or row.kind in kinds]

    def snapshot(self) -> str:
        """Return the order's state as text."""
        return self.world.snapshot(self.number)

    async def kept(self) -> list[str]:
        """Return the fees for differences that are kept."""
        return [fee["amount"] for fee in (await self.show())["fees"] if fee["kind"] == "change_non_refundable"]


def done(answer: Answer) -> Json:
    """Return the body of a request that succeeded."""
    assert answer.status == 200, answer.body
    return answer.body


def refused(answer: Answer, *codes: str) -> Json:
    """Return the problem of a request that a rule refused with one of some codes."""
    assert (400 <= answer.status < 500, answer.code in codes) == (True, True), (answer.status, answer.body)
    return answer.body


def warnings(answer: Answer) -> set[str]:
    """Return the codes of a request's warnings."""
    return {each["code"] for each in done(answer)["warnings"]}


def kroner(text: str) -> Money:
    """Return an amount in kroner."""
    return parse_money(text, "NOK")


def instant(text: str) -> datetime:
    """Return the instant that a text of the API names."""
    return datetime.fromisoformat(text)
