"""One order in the product and in the model: every request goes to both, and both must say and show the same."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.rules import shop
from tests.rules.model.lines import (
    Add,
    AddSupplements,
    Line,
    Offer,
    Operation,
    Refused,
    Remove,
    Replace,
    Service,
    SetName,
    Wish,
)
from tests.rules.model.money import Kept, balance
from tests.rules.model.order import Order
from tests.rules.shop import Booking
from tests.support.entur_client import EnturClient
from tests.support.world import CARD, Answer, Json


def text(minor: int) -> str:
    """Return an amount as the API writes it."""
    return str(Decimal(minor).scaleb(-2).quantize(Decimal("0.01")))


@dataclass
class ComparedOrder:
    """A booking and its model, with the ids that the product gave to the model's lines."""

    booking: Booking
    model: Order
    ids: dict[int, str] = field(default_factory=dict)
    seats: dict[int, str] = field(default_factory=dict)
    """Names of the model's seats; each seat of the model is one seat of the train."""
    early: dict[Service, tuple[str, str]] = field(default_factory=dict)
    """Bundle and offer found before a service left."""

    async def change(self, operations: Sequence[Operation], *, route: str = "native", **more: Any) -> None:
        """Send a change, quoted before if it is native. Model and product accept it, or refuse it for one reason."""
        found = {offer: await self.find(offer) for each in operations for offer in _offers(each)}
        if route == "entur":
            answer = await self._send_to_entur(operations, found, more.get("word"))
            self._check(answer, lambda: self.model.change(*operations, entur=True, **more))
        else:
            wire = [self._operation(each, found) for each in operations]
            word = {} if more.get("word") is None else {"refund_price_difference": more["word"]}
            quoted = await self._quote(operations, wire, word)
            payment = {"confirm": True, "payment": CARD} if more.get("confirm") else {}
            answer = await self.booking.change(*wire, **word, **payment)
            paid, set_aside = self.model.paid, self.model.set_aside
            if self._check(answer, lambda: self.model.change(*operations, pays=True, **more)):
                moved = balance(self.model.paid, paid, set_aside) if more.get("confirm") else self.model.balance()
                assert quoted in (None, text(moved)), "what is confirmed is what was quoted"
        await self.compare()

    async def _quote(self, operations: Sequence[Operation], wire: list[Json], word: Json) -> str | None:
        """Quote a change in both and return the balance, unless it is refused or nobody has decided on a surplus."""
        answer = await self.booking.quote(*wire, **word)
        model = self._check(answer, lambda: self.model.quote(*operations, word=word.get("refund_price_difference")))
        if model is None or model.undecided():
            return None
        fees, kept = sum(model.fees()) - sum(self.model.confirmed.fees), [each.amount for each in model.kept()]
        kept_before = sum(each.amount for each in self.model.confirmed.kept)
        quoted = {name: answer.body[name] for name in ("balance", "fee", "not_refundable")}
        expected = {"balance": model.balance(), "fee": fees, "not_refundable": sum(kept) - kept_before}
        assert quoted == {name: text(amount) for name, amount in expected.items()}, answer.body
        return str(answer.body["balance"])

    async def pay(self, amount: int) -> None:
        """Set money aside."""
        self._check(await self.booking.pay(text(amount)), lambda: self.model.pay(amount))
        await self.compare()

    async def confirm(self, *, pays: bool) -> None:
        """Confirm the draft."""
        answer = await self.booking.confirm(CARD if pays else None)
        self._check(answer, lambda: self.model.confirm(pays=pays))
        await self.compare()

    async def end_draft(self, *, expired: bool) -> None:
        """Discard the draft, or skip time until it expires."""
        if expired:
            await self.booking.wait()
        else:
            shop.done(await self.booking.discard())
        self.model.end_draft(expired=expired)
        await self.compare()

    async def leave(self, service: Service) -> None:
        """Let a service leave."""
        self.booking.shop.depart(service.name)
        self.model.left.add(service)

    # To the wire

    async def find(self, offer: Offer) -> tuple[str, str]:
        """Return the bundle and the offer of it; what was found before, once the service has left."""
        if offer.service in self.model.left:
            return self.early[offer.service]
        names, born = [each.name for each in offer.people], {each.name: each.born for each in offer.people}
        (bundle,) = await self.booking.shop.search(offer.product.name, *names, on=offer.service.name, born=born)
        return str(bundle["id"]), str(bundle["offers"][0]["id"])

    def _operation(self, operation: Operation, found: dict[Offer, tuple[str, str]]) -> Json:
        match operation:
            case Add(wish):
                return shop.add(found[wish.offer][0], *wish.supplements)
            case Replace(keys, wishes):
                replacements = [
                    {"offer_bundle_id": found[each.offer][0], "supplements": shop.wishes(*each.supplements)}
                    for each in wishes
                ]
                return {"op": "replace_lines", "lines": [self.ids[key] for key in keys], "with": replacements}
            case Remove(key):
                return shop.remove(self.ids[key])
            case AddSupplements(key, codes, traveller):
                named = [{**each, "traveller": traveller} if traveller else each for each in shop.wishes(*codes)]
                return shop.extras(self.ids[key], *named)
            case SetName(traveller, name):
                return shop.name(traveller, given_name=name)

    async def _send_to_entur(
        self,
        operations: Sequence[Operation],
        found: dict[Offer, tuple[str, str]],
        word: bool | None,  # noqa: FBT001
    ) -> Answer:
        """Send operations of one kind to the route for it."""
        client, order = EnturClient(self.booking.world), self.booking.number

        def configuration(wish: Wish, *keys: int) -> Json:
            lines = [self.ids[key] for key in keys]
            line = {"orderLineId": lines[0], "selectedOrderLineIds": lines} if lines else {}
            return {"offerId": found[wish.offer][1], "selectableProductIds": list(wish.supplements)} | line

        match operations[0]:
            case Add():
                return await client.reserve(
                    *(configuration(e.wish) for e in operations if isinstance(e, Add)), order=order
                )
            case Replace():
                replaced = [(each, wish) for each in operations if isinstance(each, Replace) for wish in each.wishes]
                sent = [configuration(wish, *each.lines) for each, wish in replaced]
                return await client.update(order, *sent, refund=word)
            case AddSupplements():
                offers = {each["id"]: each["offerId"] for each in (await client.show(order))["orderLines"]}
                added = [each for each in operations if isinstance(each, AddSupplements)]
                body = {"orderId": order, "offerConfigurations": [self._selection(each, offers) for each in added]}
                return await client.send("POST", "/v1/update-order/supplement-products", body)
            case _:
                raise NotImplementedError

    def _selection(self, operation: AddSupplements, offers: dict[str, str]) -> Json:
        (line, *_), counts = self.model.resolve(operation.line), Counter(operation.supplements)
        products = [{"selectedProductId": code, "count": count} for code, count in counts.items()]
        offer, named = offers[self.ids[line.key]], self.ids[operation.line]
        return {"offerId": offer, "orderLineId": named, "selectedProductsConfiguration": products}

    # What both say

    def _check(self, answer: Answer, request: Callable[[], Order | None]) -> Order | None:
        """Run a request in the model and return it, or None: both refuse for the same reason, or neither does."""
        codes: set[str] = set()
        try:
            result = request() or self.model
        except Refused as refusal:
            codes, result = refusal.codes, None
        assert (answer.status == 200, answer.code in codes) == (not codes, bool(codes)), (codes, answer.body)
        return result

    async def compare(self) -> None:
        """Compare what the order shows with the model."""
        shown, model = await self.booking.show(), self.model
        self._match_lines(shown["lines"])
        version = max(model.version, 1) if not model.draft else model.version + 1
        expected: Json = {
            "status": model.status,
            "confirmed_version": model.version,
            "version": version,
            "total": text(model.due()),
            "balance": text(model.balance()),
        }
        expected |= {} if model.draft else {"paid": text(model.paid), "draft": None}
        assert {name: shown[name] for name in expected} == expected, [each["amount"] for each in shown["fees"]]
        self._compare_fees(shown["fees"])
        self._compare_seats(shown)
        names = {each["id"]: each["given_name"] for each in shown["travellers"]}
        assert names == {who: model.now.names.get(who) for who in names}, "names"

    def _match_lines(self, lines: list[Json]) -> None:
        """Check that both have the same lines; note the ids of new ones."""
        theirs = {line["id"]: line for line in lines}
        ours = {line.key: line for line in self.model.live()}
        shown = {name: _signature(line, theirs.get(line["supplement_of"])) for name, line in theirs.items()}
        expected = {key: self._signature(line) for key, line in ours.items()}
        theirs_only, ours_only = (
            Counter(a.values()) - Counter(b.values()) for a, b in ((shown, expected), (expected, shown))
        )
        assert not theirs_only + ours_only, f"the order has {theirs_only}, the model {ours_only}"
        sold = {key for key in self.model.confirmed.live if key in ours}
        free = dict(shown)
        for key in sorted(expected, key=lambda key: key not in self.ids):
            known = self.ids.get(key)
            if known is not None and known in free and free[known] == expected[key]:
                del free[known]
                continue
            assert known is None or key not in sold, f"a confirmed line is live again under its id {known}"
            self.ids[key] = next(name for name, signature in free.items() if signature == expected[key])
            del free[self.ids[key]]

    def _signature(self, line: Line) -> tuple[object, ...]:
        on = self.model.lines[line.on] if line.on else None
        carrier = (on.product, on.service.name, tuple(sorted(on.travellers))) if on else None
        return line.product, line.service.name, tuple(sorted(line.travellers)), text(line.price), carrier

    def _compare_fees(self, fees: list[Json]) -> None:
        shown = sorted((fee["kind"], fee["amount"], fee["tax"]) for fee in fees)
        kept = [("change_non_refundable", text(each.amount), text(_tax(each))) for each in self.model.kept()]
        assert [each for each in shown if each[0] != "change"] == sorted(kept)
        charged = sorted(amount for kind, amount, _ in shown if kind == "change")
        assert charged == sorted(map(text, self.model.fees()))

    def _compare_seats(self, shown: Json) -> None:
        """Check that each traveller has the seat the model says; where it only says which seats, any of them."""
        names = {each["id"]: (each["service"], each["seat"]) for each in shown["reservations"]}
        rows = [row for row in shown["lines"] if row["supplement_of"] is None]
        seats = {
            (row["id"], who): names[each]
            for row in rows
            for who, each in zip(row["travellers"], row["reservations"], strict=bool(row["reservations"]))
            if each in names
        }
        for (key, who), passed in self.model.passed_on.items():
            by_name = {self.seats[seat]: seat for seat in passed}
            name = seats[self.ids[key], who][1]
            assert name in by_name, f"newcomer {who} got {name}, not a seat of leavers {sorted(by_name)}"
            self.model.now.seats[key, who] = by_name[name]
        self.model.passed_on = {}
        expected = self.model.now.seats
        for (key, who), seat in expected.items():
            service, name = seats[self.ids[key], who]
            assert service == self.model.lines[key].service.name
            assert self.seats.setdefault(seat, name) == name, f"{who} keeps the seat"
        assert len(set(seats.values())) == len(seats) == len(expected)


def _signature(line: Json, carrier: Json | None) -> tuple[object, ...]:
    on = (carrier["product"], carrier["service"], tuple(sorted(carrier["travellers"]))) if carrier else None
    return line["product"], line["service"], tuple(sorted(line["travellers"])), line["price"], on


def _offers(operation: Operation) -> list[Offer]:
    match operation:
        case Add(wish):
            return [wish.offer]
        case Replace(_, wishes):
            return [each.offer for each in wishes]
        case _:
            return []


def _tax(kept: Kept) -> int:
    return int((kept.amount * kept.rate / (1 + kept.rate)).to_integral_value(ROUND_HALF_UP))
