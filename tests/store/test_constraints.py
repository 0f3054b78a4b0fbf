"""Constraints of the database itself."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from store.database.store import Store
from store.tables import (
    ChangeRow,
    EmbeddedPaymentRow,
    EventRow,
    LedgerRow,
    OrderRow,
    PaymentRow,
    SeatHoldRow,
    StepRecordRow,
)
from temporal.names import StepName

T = "default"


@pytest.fixture
def order(store: Store, request: pytest.FixtureRequest) -> str:
    number = f"99-{abs(hash(request.node.nodeid)) % 10**9:09d}"
    with store.write() as tx:
        tx.add(OrderRow(tenant=T, number=number, currency="NOK", created_at=store.now()))
    return number


def refused(store: Store, *rows: SQLModel) -> bool:
    try:
        with store.write() as tx:
            for row in rows:
                tx.add(row)
                tx.flush()
    except IntegrityError:
        return True
    return False


def payment(order: str, key: str, authorised: int = 100, captured: int = 0, refunded: int = 0) -> PaymentRow:
    return PaymentRow(
        tenant=T,
        order_number=order,
        key=f"{order}/{key}",
        number=1,
        method="card",
        reference="x",
        authorised_minor=authorised,
        captured_minor=captured,
        refunded_minor=refunded,
    )


def hold(store: Store, order: str, key: str) -> SeatHoldRow:
    until = store.now() + timedelta(hours=1)
    return SeatHoldRow(
        tenant=T, service=order, coach=1, seat=1, key=key, reference=f"{key}/1", state="held", expires_at=until
    )


def test_a_seat_has_one_live_holder(store: Store, order: str) -> None:
    assert not refused(store, hold(store, order, "C1/reserve_seats"))
    assert refused(store, hold(store, order, "C2/reserve_seats"))


@pytest.mark.parametrize(("captured", "refunded"), [(101, 0), (50, 51), (0, 1), (-1, 0), (100, -1)])
def test_no_more_is_refunded_than_captured_nor_captured_than_authorised(
    store: Store, order: str, captured: int, refunded: int
) -> None:
    assert refused(store, payment(order, "a", captured=captured, refunded=refunded))
    embedded = EmbeddedPaymentRow(
        tenant=T,
        key=f"{order}/embedded",
        currency="NOK",
        token="tok_ok",  # noqa: S106 - a test token
        authorised_minor=100,
        captured_minor=captured,
        refunded_minor=refunded,
    )
    assert refused(store, embedded)


@pytest.mark.parametrize(("refunded", "refund_owed", "paid_out"), [(60, 41, 0), (0, 101, 0), (0, 40, 41), (0, -1, 0)])
def test_no_more_is_refunded_or_owed_than_captured_nor_paid_out_than_owed(
    store: Store, order: str, refunded: int, refund_owed: int, paid_out: int
) -> None:
    row = payment(order, "a", captured=100, refunded=refunded)
    row.refund_owed_minor, row.paid_out_minor = refund_owed, paid_out
    assert refused(store, row)


def test_a_ledger_entry_is_unique_by_its_key(store: Store, order: str) -> None:
    def entry(kind: str) -> LedgerRow:
        return LedgerRow(
            tenant=T,
            order_number=order,
            key=f"{order}/settle/capture",
            payment=f"{order}/a",
            kind=kind,
            amount_minor=100,
            currency="NOK",
            change="C1",
            at=store.now(),
        )

    assert not refused(store, payment(order, "a"), entry("capture"))
    assert refused(store, entry("capture"))
    assert refused(store, entry("refund"))


def test_an_event_number_is_given_once(store: Store, order: str) -> None:
    def event() -> EventRow:
        return EventRow(tenant=T, order_number=order, number=1, type="order_created", at=store.now(), data="{}")

    assert not refused(store, event())
    assert refused(store, event())


def test_an_idempotency_key_has_one_change_per_tenant_and_route(store: Store, order: str) -> None:
    def change(name: str, tenant: str = T, route: str = "POST /a", key: str | None = "k") -> ChangeRow:
        return ChangeRow(
            tenant=tenant,
            id=f"{order}-{name}",
            order_number=order,
            route=route,
            idempotency_key=f"{order}{key}" if key else None,
            fingerprint="f",
            kind="change",
            request="{}",
            state="waiting",
            created_at=store.now(),
        )

    assert not refused(store, change("1"))
    assert refused(store, change("2"))
    assert not refused(store, change("3", route="POST /b"))
    assert not refused(store, change("4", tenant="other"))
    assert not refused(store, change("5", key=None), change("6", key=None))


def test_an_outcome_and_its_time_come_together(store: Store, order: str) -> None:
    row = ChangeRow(
        tenant=T,
        id=f"{order}-x",
        route="r",
        fingerprint="f",
        kind="change",
        request="{}",
        state="done",
        created_at=store.now(),
        outcome="{}",
    )
    assert refused(store, row)


def test_a_step_key_has_one_record_in_one_of_three_states(store: Store, order: str) -> None:
    def record(state: str) -> StepRecordRow:
        return StepRecordRow(
            tenant=T,
            key=f"{order}/reserve_seats",
            order_number=order,
            change=order,
            step=StepName.RESERVE_SEATS,
            sequence=1,
            command="{}",
            state=state,
            started_at=store.now(),
        )

    assert refused(store, record("unknown"))
    assert not refused(store, record("started"))
    assert refused(store, record("done"))


def test_an_orders_version_is_never_behind_its_confirmed_one(store: Store, order: str) -> None:
    row = OrderRow(tenant=T, number=f"{order}9", currency="NOK", version=1, confirmed_version=2, created_at=store.now())
    assert refused(store, row)
