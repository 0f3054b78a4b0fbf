"""One order to which a situation at a provider happens, what its client and its operator do, and how it ended."""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import col, select

from domain.changes import OUTCOMES
from examples.fake_systems.bank_book import Account
from store.tables import PaymentRow, ReservationRow
from tests.support.canary import ADULT
from tests.support.served_stack import Served
from tests.support.wire import Armed, Fault, Wire
from tests.support.world import Answer, Json, add, replace

BANK_ACTS = ("authorise", "capture", "refund", "void")
SECONDS = 150
"""How long a client or an operator waits at most."""
NEW, OLD = "new order", "old order"
NOTABLE = (
    *("answers_differ", "authorisation_lost", "deadline_shortened", "refund_declined", "refund_failed", "refund_owed"),
    *("refund_paid_by_hand", "needs_attention", "retry_requested", "done_by_hand", "seats_reassigned"),
    *("change_reversed", "change_undone", "draft_discarded"),
)
"""The events that say more of a situation than that an order was changed."""


class UnexpectedError(AssertionError):
    """The order did not end as the page says."""


@dataclass(frozen=True)
class Seat:
    """A seat in one of the two books."""

    reference: str
    service: str
    name: str
    state: str


@dataclass(frozen=True)
class Money:
    """A payment in one of the two books, in minor units."""

    key: str
    captured: int
    refunded: int
    open: bool

    def __str__(self) -> str:
        return f"{self.captured}-{self.refunded}{' open' if self.open else ''}"


@dataclass
class Books:
    """What one side has of an order."""

    seats: frozenset[Seat] = frozenset()
    money: frozenset[Money] = frozenset()

    def __str__(self) -> str:
        states = [each.state for each in self.seats]
        seats = " ".join(f"{states.count(state)} {state}" for state in ("sold", "held") if state in states)
        moved = sorted((each for each in self.money if each.captured or each.open), key=lambda each: -each.captured)
        return f"{seats or 'no seat'}; {' '.join(map(str, moved)) or 'no money'}"


@dataclass
class Play:
    """An order, with a train that it has and one that it is changed to."""

    served: Served
    name: str
    token: str
    order: str = ""
    trains: list[str] = field(default_factory=list)
    version: int = 0
    lines: list[str] = field(default_factory=list)
    seats: frozenset[tuple[str, str]] = frozenset()
    """The seats of the old order: train and name."""
    new_train: str | None = None
    """The train of the new order; None: it has none."""
    names: frozenset[str] | None = None
    """The seats of the new order that are requested by name; None: any."""
    client: list[str] = field(default_factory=list)
    """What the client was answered."""
    attention: list[str] = field(default_factory=list)
    """What an operator saw and did."""
    armed: list[Armed] = field(default_factory=list)
    request: "asyncio.Task[Answer] | None" = None
    """A request whose outcome is still to come."""

    @property
    def card(self) -> Json:
        """The means of payment of this order alone."""
        return {"method": "card", "token": self.token}

    def wire(self, act: str) -> Wire:
        """Return the wire on which an act travels."""
        return self.served.to_bank if act in BANK_ACTS or act == "find money" else self.served.to_railway

    def arm(self, act: str, fault: Fault, times: int = 1, *, spreads: bool = False) -> Armed:
        """Disturb the next requests of an act."""
        armed = self.wire(act).arm(
            self.name, act.partition(" ")[0] if act.startswith("find") else act, fault, times, spreads=spreads
        )
        self.armed.append(armed)
        return armed

    def clear(self) -> None:
        """Disturb this order no more."""
        self.served.to_bank.clear(self.name)
        self.served.to_railway.clear(self.name)

    async def prepare(self, *travellers: str, card: Json | None = None, seats: int = 8) -> None:
        """Sell a ticket, and note what the order is before the situation."""
        self.trains = self.trains or [await self.served.train(self.name, seats=seats) for _ in range(2)]
        self.order = await self.served.world.order()
        if travellers:
            bundle = await self.served.world.offer("standard", *travellers, service=self.trains[0])
            operation = add(bundle, *travellers)
            sold = await self.served.world.change(
                self.order, operation, confirm=True, payment=card or self.card, Prefer="wait=30"
            )
            await self.follow(sold)
            self.expect("200 done")
        await self.note()

    async def note(self) -> None:
        """Note what the order is now: this is the old order."""
        shown = await self.served.world.show(self.order)
        self.version, self.lines = shown["confirmed_version"], [each["id"] for each in shown["lines"]]
        self.seats = frozenset((each.service, each.name) for each in self.ours().seats)
        self.client.clear()

    def exchange(self, *, confirm: bool = True, card: Json | None = None, **more: Any) -> Coroutine[Any, Any, Answer]:
        """Exchange the ticket for one that costs 100.00 more, on the other train."""
        return self._exchange(confirm=confirm, card=card, more=more)

    async def _exchange(self, *, confirm: bool, card: Json | None, more: Json) -> Answer:
        world, self.new_train = self.served.world, self.trains[1]
        bundle = await world.offer("flexible", ADULT, service=self.new_train)
        operation = replace(await world.lines(self.order), bundle)
        more |= {"payment": card or self.card} if confirm else {}
        return await world.change(self.order, operation, confirm=confirm, Prefer="wait=30", **more)

    async def buy(self, *travellers: str, seats: Sequence[str] = (), card: Json | None = None) -> Answer:
        """Buy a ticket for each traveller on the first train, in one go."""
        world, self.new_train = self.served.world, self.trains[0]
        self.names = frozenset(name.replace("-0", "-") for name in seats) or None
        bundle = await world.offer("standard", *travellers, service=self.new_train)
        more: Json = {"seats": list(seats)} if seats else {}
        operation = add(bundle, *travellers, **more)
        return await world.change(self.order, operation, confirm=True, payment=card or self.card, Prefer="wait=30")

    async def draft(self, *payments: tuple[str, str]) -> None:
        """Open a draft that costs 100.00 more, and pay parts of it: amount and token."""
        await self.follow(await self.exchange(confirm=False))
        self.expect("200 done")
        for amount, token in payments:
            await self.follow(await self.served.world.pay(self.order, amount, token))
            self.expect("200 done")
        self.client.clear()

    async def confirm(self, card: Json | None = None) -> Answer:
        """Confirm the draft."""
        body = {"payment": card} if card else {}
        return await self.served.world.post(f"/v1/orders/{self.order}/confirm", body, Prefer="wait=30")

    async def discard(self) -> Answer:
        """Discard the draft."""
        return await self.served.world.discard(self.order, Prefer="wait=30")

    async def cancel(self) -> Answer:
        """Give up the ticket, and get money back for it."""
        self.new_train = None
        removal = {"op": "remove_lines", "lines": await self.served.world.lines(self.order)}
        more: Json = {"confirm": True, "refund_price_difference": True, "Prefer": "wait=30"}
        return await self.served.world.change(self.order, removal, **more)

    async def follow(self, answer: Answer) -> Answer:
        """Wait for the outcome, if the answer was that it is still to come; remember what the client was answered."""
        text = f"{answer.status} {answer.code or answer.body.get('state', '')}"
        if answer.status == 202:
            text = await self._outcome(answer.change)
        self.client.append(text)
        return answer

    async def _outcome(self, change: str) -> str:
        async with asyncio.timeout(SECONDS):
            while True:
                shown = (await self.served.world.send("GET", f"/v1/changes/{change}")).body
                if shown["state"] in OUTCOMES:
                    problem = shown["problem"] or {}
                    return f"202, {problem.get('status', 200)} {problem.get('code') or shown['state']}"
                await asyncio.sleep(0.3)

    async def case(self, code: str, step: str) -> None:
        """Wait until an operator is called for a step, and sees this code."""
        async with asyncio.timeout(SECONDS):
            while True:
                found = await self.served.world.send("GET", f"/v1/orders/{self.order}/attention")
                shown = found.body if found.status == 200 else {}
                if shown.get("step") == step and shown["unsettled"] and code in shown["code"]:
                    break
                await asyncio.sleep(0.2)
        self.attention.append(f"{step} {shown['code']}")

    async def operate(self, action: str, **more: str) -> Answer:
        """Act as an operator on what needs attention."""
        path = f"/v1/orders/{self.order}/attention/{action}"
        body = {"reason": "as the page says", **more}
        if action in ("retry-now", "done-by-hand"):
            answer = await self.served.world.send("POST", path, body)
        else:
            answer = await self.served.world.post(path, body, Prefer="wait=30")
            if answer.status == 202:
                await self._outcome(answer.change)
        self.attention.append(f"{action}{f' {answer.code}' if answer.code else ''}")
        return answer

    async def finish(self, request: "asyncio.Task[Answer]", *expected: str) -> None:
        """Wait for a request's outcome."""
        await self.follow(await request)
        self.expect(*expected)

    def expect(self, *expected: str) -> None:
        """See that the client was last answered one of these."""
        text = self.client[-1].removeprefix("202, ")
        if text not in expected:
            raise UnexpectedError(f"{text} instead of {' or '.join(expected)}")

    async def with_attention(self, request: Awaitable[Answer], code: str, step: str) -> "asyncio.Task[Answer]":
        """Send a request, and wait until an operator is called for it."""
        task = asyncio.ensure_future(request)
        try:
            await self.case(code, step)
        except BaseException:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task
            raise
        return task

    async def ended(self) -> str:
        """Return whether the order is the new one or the old one, or what else it is."""
        shown = await self.served.world.show(self.order)
        lines, version = [each["id"] for each in shown["lines"]], shown["confirmed_version"]
        if shown.get("draft"):
            return f"version {version} with a draft"
        if shown["balance"] != "0.00" or shown["refund_owed"] != "0.00":
            return f"version {version}, {shown['balance']} due, {shown['refund_owed']} owed"
        seats = frozenset((each.service, each.name) for each in self.ours().seats if each.state == "sold")
        if version == self.version and lines == self.lines:
            return OLD if seats == self.seats else f"old order with other seats: {sorted(seats)}"
        if version != self.version + 1:
            return f"version {version}, {shown['status']}"
        return NEW if self._are_requested(seats) else f"new order with other seats: {sorted(seats)}"

    def _are_requested(self, seats: frozenset[tuple[str, str]]) -> bool:
        """Whether these are seats that the new order was to have."""
        names = frozenset(name for _, name in seats)
        trains = {train for train, _ in seats}
        return trains == ({self.new_train} if self.new_train else set()) and self.names in (None, names)

    async def history(self) -> list[str]:
        """Return the events that say more than that the order was changed."""
        found = await self.served.world.send("GET", f"/v1/orders/{self.order}/history?limit=200")
        types = [each["type"] for each in found.body["events"]]
        return [each for each in dict.fromkeys(types) if each in NOTABLE]

    def ours(self) -> Books:
        """Return what our rows say."""
        with self.served.world.components.store.read() as tx:
            of_order = (ReservationRow.order_number == self.order, col(ReservationRow.state) != "released")
            seats = [
                Seat(
                    row.reference,
                    row.service or "",
                    f"{row.coach}-{row.seat}",
                    "sold" if row.state == "confirmed" else row.state,
                )
                for row in tx.exec(select(ReservationRow).where(*of_order))
            ]
            payments = tx.exec(select(PaymentRow).where(PaymentRow.order_number == self.order)).all()
            money = [Money(row.key, row.captured_minor, row.refunded_minor, row.open) for row in payments]
        return Books(frozenset(seats), frozenset(money))

    def theirs(self, railway: dict[str, tuple[str, str, str, str]], bank: dict[str, Account]) -> Books:
        """Return what the two outside books have under the keys of the order's changes."""
        changes = {row.id for row in self.served.world.changes_of(self.order)}
        seats = [Seat(reference, *row) for reference, (key, *row) in railway.items() if key[:36] in changes]
        now = self.served.world.components.store.now()
        money = [
            Money(key, each.captured, each.refunded, not (each.voided or each.captured or each.has_ended(now)))
            for key, each in bank.items()
            if key[:36] in changes and each.minor
        ]
        return Books(frozenset(seats), frozenset(money))


def differ(ours: Books, theirs: Books) -> list[str]:
    """Return the rows in which the books differ; what was set aside and let go of leaves nothing behind."""
    moved = [{each for each in side.money if each.captured or each.open} for side in (ours, theirs)]
    rows: list[Seat | Money] = [*(ours.seats ^ theirs.seats), *(moved[0] ^ moved[1])]
    return sorted(map(repr, rows))
