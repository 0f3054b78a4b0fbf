"""Orders that were paid with several cards, some of which refuse refunds, written without a workflow."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlmodel import col, select

from activities.payments import SETTLE_PRICE_DIFFERENCE, SettlePriceDifferenceCommand, SettlePriceDifferenceResult
from activities.support.step_executor import StepExecutor
from domain.changes import ChangeKind, ChangeRequest, ChangeState
from domain.money import Money
from domain.settlement import Move, MoveKind, Payment
from providers.protocols import PaymentProvider
from store.database.documents import to_document
from store.database.store import Store
from store.orders import ledger
from store.orders.events import data_of, history
from store.tables import ChangeRow, FeeRow, LedgerRow, OrderRow
from tests.support.contexts import step_context
from tests.support.world import TENANT

Card = tuple[str, int]
"""A payment token and the amount that was captured with it."""


@dataclass
class PaidOrder:
    """An order paid with several cards, oldest first, and the step that settles its cheaper draft."""

    store: Store
    provider: PaymentProvider
    number: str
    cards: list[str]
    change: str
    captures: list[str]
    """The references of the cards' captures."""

    def settle(self, **more: object) -> SettlePriceDifferenceResult:
        """Run the settling step once, as an attempt of a worker does."""
        command = SettlePriceDifferenceCommand(change=self.change, order=self.number, **more)
        context = step_context(self.store, payments=self.provider)
        return SETTLE_PRICE_DIFFERENCE.execute(StepExecutor(context), command)

    @property
    def key(self) -> str:
        """The key of the settling step."""
        return f"{self.change}/settle_price_difference"

    def payments(self) -> list[Payment]:
        """Return the order's payments in our ledger."""
        with self.store.read() as tx:
            return ledger.payments_of(tx, self.number, "NOK")

    def refunded(self) -> list[int]:
        """Return what was refunded to each card, by our ledger."""
        return [each.refunded.minor for each in self.payments()]

    def refund_owed(self) -> list[int]:
        """Return what each card refused and is owed otherwise."""
        return [each.refund_owed.minor for each in self.payments()]

    def entries(self) -> list[tuple[str, str, int]]:
        """Return the ledger's entries of the settlement, with the number of the card."""
        with self.store.read() as tx:
            query = select(LedgerRow).where(LedgerRow.order_number == self.number, LedgerRow.change == self.change)
            rows = tx.exec(query.order_by(col(LedgerRow.key))).all()
        return [(row.kind, str(self.cards.index(row.payment)), row.amount_minor) for row in rows]

    def events(self) -> list[tuple[str, str]]:
        """Return the types and amounts of the order's events."""
        with self.store.read() as tx:
            return [(row.type, data_of(row).get("amount", "")) for row in history(tx, self.number, 0, 100)]


def paid_order(store: Store, provider: PaymentProvider, cards: Sequence[Card], due: int) -> PaidOrder:
    """Return an order that was paid with some cards and now costs less."""
    number, change = f"96-{uuid.uuid4().int % 10**9:09d}", str(uuid.uuid4())
    keys = [f"{uuid.uuid4()}/authorise_payment" for _ in cards]
    amounts = [Money(minor, "NOK") for _, minor in cards]
    references = [
        provider.authorise(TENANT, key, amount, "card", token).reference
        for key, (token, _), amount in zip(keys, cards, amounts, strict=True)
    ]
    captures = [
        provider.capture(TENANT, f"{key}/captured", reference, amount)
        for key, reference, amount in zip(keys, references, amounts, strict=True)
    ]
    with store.write() as tx:
        order = OrderRow(tenant=TENANT, number=number, currency="NOK", created_at=store.now())
        tx.add(order)
        tx.add(_change(store, number, change, ChangeKind.CONFIRM))
        tx.flush()
        for key, amount, reference, capture in zip(keys, amounts, references, captures, strict=True):
            ledger.record_authorisation(tx, order, key, "sale", amount, "card", reference, store.now())
            move = Move(kind=MoveKind.CAPTURE, payment=key, amount=amount)
            ledger.record_move(tx, order, f"{key}/captured", "sale", move, store.now(), capture)
        common: dict[str, Any] = {"tenant": TENANT, "order_number": number, "added_by": "sale", "added_in": 1}
        tx.add(FeeRow(id=f"{number}/1", kind="change", amount_minor=due, tax_rate=Decimal("0.12"), **common))
    return PaidOrder(store, provider, number, keys, change, captures)


def record_request(store: Store, order: str, kind: ChangeKind, client: str = "", **request: object) -> str:
    """Record a request of a client on an order; return its id."""
    change = str(uuid.uuid4())
    with store.write() as tx:
        tx.add(_change(store, order, change, kind, client, **request))
    return change


def _change(store: Store, order: str, change: str, kind: ChangeKind, client: str = "", **request: object) -> ChangeRow:
    return ChangeRow(
        tenant=TENANT,
        id=change,
        client=client,
        order_number=order,
        route="test",
        fingerprint="",
        kind=kind,
        request=to_document(ChangeRequest(kind=kind, **request)),
        state=ChangeState.RUNNING,
        created_at=store.now(),
        claimed_at=store.now(),
    )
