"""An installation whose seats or bank are outside of our database; a test acts before and after each of their calls."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from domain.money import Money
from providers.embedded.inventory import EmbeddedInventory
from providers.embedded.payments import EmbeddedPayments
from providers.errors import ProviderUnavailableError
from providers.protocols import ActState, Authorised, Found, FoundState, Held, HoldRequest, RefundState
from store.database.store import Store
from store.tables import EmbeddedPaymentRow, PaymentRow, SeatHoldRow
from tests.support.final_checks import check_invariants
from tests.support.installation import running_world
from tests.support.world import World

Act = Callable[[], object]
NOTE = "noted "
"""How the token of a note of a bank outside begins: it says under its key what was moved."""


def be_down(*_: object) -> None:
    """Give no usable answer."""
    raise ProviderUnavailableError


@dataclass
class Interference:
    """What a test does before and after the calls of a provider, by the call's name."""

    before: dict[str, Act] = field(default_factory=dict)
    after: dict[str, Act] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def begin(self, call: str) -> None:
        """Count a call, and do what a test does before it."""
        self.calls[call] += 1
        self.before.get(call, lambda: None)()

    def end(self, call: str) -> None:
        """Do what a test does after a call, before its answer."""
        self.after.get(call, lambda: None)()

    def clear(self) -> None:
        """Interfere no longer."""
        self.before.clear()
        self.after.clear()


class WatchedInventory(EmbeddedInventory):
    """The embedded inventory, inside or as if it were outside of our database."""

    def __init__(self, store: Store, interference: Interference, *, external: bool) -> None:
        super().__init__(store)
        self.external = external
        self._interference = interference

    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        """Hold seats and units."""
        self._interference.begin("hold")
        held = super().hold(tenant, key, requests, until)
        self._interference.end("hold")
        return held

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> datetime | None:
        """Extend holds."""
        self._interference.begin("extend")
        until_then = super().extend(tenant, references, until)
        self._interference.end("extend")
        return until_then

    def release(self, tenant: str, key: str) -> ActState:
        """Release what a key holds."""
        self._interference.begin("release")
        state = super().release(tenant, key)
        self._interference.end("release")
        return state

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> ActState:
        """Sell and release."""
        self._interference.begin("confirm")
        state = super().confirm(tenant, key, taken, given_up)
        self._interference.end("confirm")
        return state

    def free(self, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str]) -> list[int | None]:
        """Count what is free."""
        self._interference.begin("free")
        return super().free(tenant, requests, own)


class WatchedPayments(EmbeddedPayments):
    """The embedded payment provider, inside or as if it were outside; outside it knows what it has settled."""

    def __init__(self, store: Store, interference: Interference, *, external: bool) -> None:
        super().__init__(store)
        self.external = external
        self._interference = interference
        self._own_store = store

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        """Authorise a payment."""
        self._interference.begin("authorise")
        authorised = super().authorise(tenant, key, amount, method, token)
        self._interference.end("authorise")
        return authorised

    def void(self, tenant: str, key: str, reference: str | None, token: str | None = None) -> None:
        """Void an authorisation."""
        self._interference.begin("void")
        super().void(tenant, key, reference)
        self._interference.end("void")

    def capture(self, tenant: str, key: str, reference: str, amount: Money) -> str:
        """Capture, once per key."""
        self._interference.begin("capture")
        with self._own_store.write() as tx:
            if self._is_new(tx, tenant, key, FoundState.CAPTURED, amount):
                super().capture(tenant, key, reference, amount)
        self._interference.end("capture")
        return reference

    def refund(self, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
        """Refund, once per key."""
        self._interference.begin("refund")
        with self._own_store.write() as tx:
            if self._is_new(tx, tenant, key, FoundState.REFUNDED, amount):
                super().refund(tenant, key, capture, amount)
        self._interference.end("refund")
        return RefundState.DONE

    def find(self, tenant: str, key: str, token: str | None = None) -> Found:
        """Find what was done under a key."""
        self._interference.begin("find")
        with self._own_store.read() as tx:
            row = tx.get(EmbeddedPaymentRow, key)
        found = Found(FoundState.NOTHING) if row is None else super().find(tenant, key)
        if row is not None and row.token.startswith(NOTE):
            kind, minor = row.token.removeprefix(NOTE).split(":")
            found = Found(FoundState(kind), Money(int(minor), row.currency), "noted", refund=RefundState.DONE)
        self._interference.end("find")
        return found

    def _is_new(self, tx: Session, tenant: str, key: str, state: FoundState, amount: Money) -> bool:
        """Note a move in the bank's book, as a payment of nothing; return whether it is to be made.

        An embedded provider notes nothing: the record of the step prevents a second move.
        """
        if not self.external:
            return True
        if tx.get(EmbeddedPaymentRow, key) is not None:
            return False
        note, currency = f"{NOTE}{state}:{amount.minor}", amount.currency
        tx.add(
            EmbeddedPaymentRow(tenant=tenant, key=key, currency=currency, token=note, authorised_minor=0, voided=True)
        )
        return True


@dataclass
class Outside:
    """An installation, and what a test does to its providers."""

    world: World
    seats: Interference
    bank: Interference

    def clear(self) -> None:
        """Interfere no longer."""
        self.seats.clear()
        self.bank.clear()

    def bank_book(self, order: str) -> list[tuple[int, int, int, bool]]:
        """Return what the bank authorised, captured, refunded and voided of each payment, in minor units."""
        with self.world.components.store.read() as tx:
            payments = select(PaymentRow.key).where(PaymentRow.order_number == order)
            keys = tx.exec(payments.order_by(col(PaymentRow.number))).all()
            rows = [tx.get_one(EmbeddedPaymentRow, key) for key in keys]
            return [(each.authorised_minor, each.captured_minor, each.refunded_minor, each.voided) for each in rows]

    def seat_book(self, changes: Sequence[str]) -> list[tuple[str, str]]:
        """Return the seats that the inventory has under the keys of changes, and whether they are held or sold."""
        keys = [f"{each}/reserve_seats" for each in changes]
        with self.world.components.store.read() as tx:
            rows = tx.exec(select(SeatHoldRow).where(col(SeatHoldRow.key).in_(keys)))
            return sorted((f"{row.service} {row.coach}-{row.seat}", row.state) for row in rows)


@asynccontextmanager
async def running_outside(
    database: str, temporal: str, namespace: str, *, seats: bool, bank: bool, **settings: Any
) -> AsyncIterator[Outside]:
    """Run an installation with its seats or its bank outside; check all invariants at its end.

    `settings` are other settings than the default ones.
    """
    by_seats, by_bank = Interference(), Interference()

    def inventory(store: Store) -> WatchedInventory:
        return WatchedInventory(store, by_seats, external=seats)

    def payments(store: Store) -> WatchedPayments:
        return WatchedPayments(store, by_bank, external=bank)

    async with running_world(database, temporal, namespace, payments, inventory=inventory, **settings) as world:
        yield Outside(world, by_seats, by_bank)
        check_invariants(world)
