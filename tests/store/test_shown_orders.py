"""What an answer shows of an order stays as it was, whatever becomes of the order."""

import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import Session, SQLModel, col, select, update

from domain.answers import ShownOrder
from domain.changes import ChangeKind, ChangeRequest, ChangeState
from domain.orders import Order, OrderStatus, ReservationState
from store import erasure
from store.changes import changes
from store.database.store import Store
from store.orders.confirmed_draft import confirmed_draft
from store.orders.orders import load
from store.orders.shown_orders import keep_shown, load_shown
from store.tables import ChangeRow, FeeRow, LedgerRow, LineRow, OrderRow, PaymentRow, ReservationRow, TravellerRow
from tests.support.canary import FAMILY, GIVEN

TENANT = "default"


class Draft:
    """An order of one traveller with a draft, made of rows."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.number = f"98-{uuid.uuid4().int % 10**9:09d}"
        self.change = str(uuid.uuid4())
        with store.write() as tx:
            tx.add(
                OrderRow(
                    tenant=TENANT,
                    number=self.number,
                    currency="NOK",
                    status="draft",
                    draft_opened_by=self.change,
                    created_at=store.now() - timedelta(days=60),
                )
            )
            tx.flush()
            tx.add(self.line(1, self.change))
            tx.add(self.traveller(self.change, given_name=GIVEN, family_name=FAMILY))
            tx.add(self.fee())
            tx.add(self.seat())
            tx.add(self.payment())

    def _of_order(self, **more: Any) -> dict[str, Any]:
        return {"tenant": TENANT, "order_number": self.number, **more}

    def line(self, number: int, change: str) -> LineRow:
        return LineRow(
            **self._of_order(id=f"{self.number}-{number}", number=number, position=number, product="standard"),
            service="4711",
            valid_from=self.store.now() - timedelta(days=30),
            first_day=date(2027, 1, 1),
            travellers='["anna"]',
            price_minor=29900,
            tax_rate=Decimal("0.12"),
            change_fee_minor=0,
            returnable_until="start",
            sold_until="end",
            seats=f'[{{"traveller": "anna", "reservation": "{self.number}-s1"}}]',
            replaces="[]",
            sale=f"{self.number}-{number}",
            added_by=change,
            added_in=1,
        )

    def traveller(self, change: str, **details: Any) -> TravellerRow:
        return TravellerRow(**self._of_order(traveller="anna", added_by=change, added_in=1), **details)

    def fee(self) -> FeeRow:
        more: dict[str, Any] = {
            "kind": "change",
            "amount_minor": 500,
            "tax_rate": Decimal("0.12"),
            "line": f"{self.number}-1",
        }
        return FeeRow(**self._of_order(id=f"{self.change}/1", added_by=self.change, added_in=1), **more)

    def seat(self) -> ReservationRow:
        return ReservationRow(
            **self._of_order(id=f"{self.number}-s1", number=1, key="k", reference="r", service="4711", coach=2, seat=7),
            state="held",
            expires_at=self.store.now(),
        )

    def payment(self) -> PaymentRow:
        more: dict[str, Any] = {"number": 1, "method": "card", "reference": "r", "authorised_minor": 30400}
        return PaymentRow(**self._of_order(key=f"{self.change}/authorise_payment"), **more)

    def keep(self) -> ShownOrder:
        """Keep the order as it is now."""
        with self.store.write() as tx:
            return keep_shown(tx, tx.get_one(OrderRow, self.number))

    def now(self) -> Order:
        """The order as it is now."""
        with self.store.read() as tx:
            return load(tx, tx.get_one(OrderRow, self.number))

    def as_shown(self, shown: ShownOrder) -> Order:
        with self.store.read() as tx:
            return load_shown(tx, tx.get_one(OrderRow, self.number), shown)

    def change_everything(self, tx: Session) -> None:
        """Replace the line, the name and the fee, release the seat, capture the money and confirm."""
        later, of_order = str(uuid.uuid4()), {"removed_by": str(uuid.uuid4()), "removed_in": 1}
        for row in (LineRow, TravellerRow, FeeRow):
            tx.exec(update(row).where(col(row.order_number) == self.number).values(**of_order))
        tx.add(self.line(2, later))
        tx.add(self.traveller(later, given_name="Later"))
        tx.exec(update(ReservationRow).where(col(ReservationRow.order_number) == self.number).values(state="released"))
        captured = {"captured_minor": 30400, "open": False}
        tx.exec(update(PaymentRow).where(col(PaymentRow.order_number) == self.number).values(**captured))
        order = tx.get_one(OrderRow, self.number)
        order.status, order.confirmed_version, order.last_confirmed_at = "confirmed", 1, self.store.now()
        order.draft_opened_by = None


@pytest.fixture
def draft(store: Store) -> Iterator[Draft]:
    shown = Draft(store)
    yield shown
    # Its rows are no order that the product would make, and every test run ends with the invariants.
    with store.write() as tx:
        for table in reversed(SQLModel.metadata.sorted_tables):
            order = table.c.get("order_number", table.c.get("number") if table.name == "orders" else None)
            if order is not None:
                tx.connection().execute(table.delete().where(order == shown.number))


def test_a_shown_order_is_the_order_as_it_stood(draft: Draft) -> None:
    before = draft.now()
    shown = draft.as_shown(draft.keep())
    assert shown.live_lines == before.live_lines
    assert shown.aboard == before.aboard
    assert (shown.fees, shown.reservations, shown.payments) == (before.fees, before.reservations, before.payments)
    assert (shown.due, shown.tax, shown.balance, shown.status) == (
        before.due,
        before.tax,
        before.balance,
        before.status,
    )


def test_later_changes_are_not_shown(draft: Draft, store: Store) -> None:
    kept = draft.keep()
    before = draft.as_shown(kept)
    with store.write() as tx:
        draft.change_everything(tx)
    after = draft.as_shown(kept)
    assert after == before
    assert after.status is OrderStatus.DRAFT
    assert [each.given_name for each in after.aboard] == [GIVEN]
    assert [each.state for each in after.reservations] == [ReservationState.HELD]
    assert not after.in_confirmed(after.live_lines[0])
    assert draft.now().live_lines != after.live_lines


def test_a_change_that_was_undone_later_is_still_shown_in_its_own_answer(draft: Draft, store: Store) -> None:
    kept = draft.keep()
    before = draft.as_shown(kept)
    with store.write() as tx:
        for row in (LineRow, TravellerRow, FeeRow):
            tx.exec(update(row).where(col(row.order_number) == draft.number).values(undone=True))
    assert draft.as_shown(kept) == before
    assert draft.now().live_lines == ()


def test_people_who_were_erased_are_blank_and_nothing_else_changes(draft: Draft, store: Store) -> None:
    before = draft.as_shown(draft.keep())
    row = _ended_change(draft)
    with store.write() as tx:
        order = tx.get_one(OrderRow, draft.number)
        order.draft_opened_by, order.status = None, "expired"
    with store.write() as tx:
        assert erasure.erase(tx, TENANT, draft.number, store.now()) == 1
    with store.read() as tx:
        text = tx.exec(select(ChangeRow.shown).where(ChangeRow.id == row)).one() or ""
        kept = changes.shown_in(tx.get_one(ChangeRow, row))
    assert "anna" not in text
    assert kept is not None
    after = draft.as_shown(kept)
    assert [each.model_dump(exclude_none=True) for each in after.aboard] == [{"id": "erased-1"}]
    line = after.live_lines[0]
    assert (line.travellers, line.seats[0].traveller) == (("erased-1",), "erased-1")
    assert (after.due, after.balance, after.reservations) == (before.due, before.balance, before.reservations)


def test_a_confirmation_lists_every_line_and_sum_it_confirms(draft: Draft, store: Store) -> None:
    with store.write() as tx:
        payment = tx.exec(select(PaymentRow).where(PaymentRow.order_number == draft.number)).one()
        move: dict[str, Any] = {"payment": payment.key, "kind": "capture", "amount_minor": 30400, "currency": "NOK"}
        tx.add(
            LedgerRow(
                tenant=TENANT,
                order_number=draft.number,
                key=payment.key,
                change=f"{draft.number}-c",
                at=store.now(),
                **move,
            )
        )
        tx.flush()
        confirmed = confirmed_draft(tx, tx.get_one(OrderRow, draft.number), f"{draft.number}-c")
    assert [(each.line, str(each.price)) for each in confirmed.lines] == [(f"{draft.number}-1", "299.00")]
    assert [(each.line, str(each.amount)) for each in confirmed.fees] == [(f"{draft.number}-1", "5.00")]
    assert (confirmed.given_up, confirmed.travellers) == ((), ("anna",))
    assert (str(confirmed.captured), str(confirmed.refunded)) == ("304.00", "0.00")


def test_a_confirmation_lists_only_what_the_draft_changed(draft: Draft, store: Store) -> None:
    with store.write() as tx:
        order = tx.get_one(OrderRow, draft.number)
        order.confirmed_version, order.version = 1, 2
        removed = {"removed_by": "c", "removed_in": 2}
        tx.exec(update(LineRow).where(col(LineRow.order_number) == draft.number).values(**removed))
        later = draft.line(2, "c")
        later.added_in = 2
        tx.add(later)
        tx.flush()
        confirmed = confirmed_draft(tx, order, "c")
    assert [each.line for each in confirmed.lines] == [f"{draft.number}-2"]
    assert [each.line for each in confirmed.given_up] == [f"{draft.number}-1"]
    assert (confirmed.fees, confirmed.travellers, confirmed.captured.minor) == ((), (), 0)


def _ended_change(draft: Draft) -> str:
    """Store an ended change whose answer shows the order, and return its id."""
    request = ChangeRequest(kind=ChangeKind.CHANGE, answers_with_order=True)
    with draft.store.write() as tx:
        tx.add(
            ChangeRow(
                tenant=TENANT,
                id=draft.change,
                order_number=draft.number,
                route="PUT /orders/{order}",
                fingerprint="",
                kind="change",
                request=request.model_dump_json(),
                state=ChangeState.DONE,
                outcome="{}",
                shown=keep_shown(tx, tx.get_one(OrderRow, draft.number)).model_dump_json(),
                created_at=draft.store.now() - timedelta(days=60),
                finished_at=draft.store.now() - timedelta(days=59),
            )
        )
    return draft.change
