"""Prometheus gauges of the store: sums over open drafts, holds, requests and payments."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import case
from sqlmodel import Session, col, func, select

from store.database.store import Store
from store.tables import ChangeRow, OrderRow, PaymentRow, ReservationRow
from store.views import moves_under_way

_SECOND = timedelta(seconds=1)


def store_gauges(store: Store) -> Iterator[Metric]:
    """Yield the gauges of the whole store."""
    now = store.now()
    with store.read() as tx:
        yield _drafts(tx)
        yield from _holds(tx, now)
        yield from _requests(tx, now)
        yield from _money(tx)


def _drafts(tx: Session) -> Metric:
    count = tx.exec(select(func.count()).where(col(OrderRow.draft_opened_by).is_not(None))).one()
    return _gauge("changeover_drafts_open", "Orders with an open draft.", count)


def _holds(tx: Session, now: datetime) -> Iterator[Metric]:
    # A hold lasts longer than its draft's deadline as a safety net. It is overdue once the draft should have ended.
    due = func.coalesce(col(OrderRow.expires_at), col(ReservationRow.expires_at))
    sums = select(func.count(), func.sum(case((due < now, 1), else_=0)), func.min(due)).select_from(ReservationRow)
    query = sums.join(OrderRow, col(OrderRow.number) == col(ReservationRow.order_number))
    count, overdue, first = tx.exec(query.where(ReservationRow.state == "held")).one()
    yield _gauge("changeover_holds_open", "Seats and units of stock held.", count)
    yield _gauge("changeover_holds_overdue", "Seats and units held past their draft's deadline.", overdue or 0)
    about = "How long ago the first of them should have been released."
    yield _gauge("changeover_hold_overdue_seconds", about, _since(first, now))


def _requests(tx: Session, now: datetime) -> Iterator[Metric]:
    waiting = (col(ChangeRow.outcome).is_(None), col(ChangeRow.claimed_at).is_(None))
    count, first = tx.exec(select(func.count(), func.min(col(ChangeRow.created_at))).where(*waiting)).one()
    yield _gauge("changeover_requests_waiting", "Stored requests that no workflow has claimed.", count)
    yield _gauge("changeover_request_waiting_seconds", "Age of the oldest of them.", _since(first, now))


def _money(tx: Session) -> Iterator[Metric]:
    minor = "in the currency's minor unit."
    in_flight = f"Money authorised and neither captured nor voided, or being moved by a provider, {minor}"
    families = (
        GaugeMetricFamily("changeover_money_in_flight_minor", in_flight, labels=["currency"]),
        GaugeMetricFamily("changeover_refunds_owed_minor", f"Refunds that no card took, {minor}", labels=["currency"]),
    )
    # A currency that was used once is still reported as 0: a series that disappears does not count as zero.
    sums = select(
        col(OrderRow.currency),
        func.sum(case((col(PaymentRow.open), col(PaymentRow.authorised_minor)), else_=0)),
        func.sum(PaymentRow.refund_owed_minor - PaymentRow.paid_out_minor),
    )
    query = sums.select_from(PaymentRow).join(OrderRow, col(OrderRow.number) == col(PaymentRow.order_number))
    in_flight_by_currency, refunds_by_currency = Counter[str](), Counter[str]()
    for currency, authorised, refunds in tx.exec(query.group_by(col(OrderRow.currency))):
        in_flight_by_currency[currency] += int(authorised or 0)
        refunds_by_currency[currency] += int(refunds or 0)
    for amount in moves_under_way.beyond_authorised(tx):
        in_flight_by_currency[amount.currency] += amount.minor
    for family, by_currency in zip(families, (in_flight_by_currency, refunds_by_currency), strict=True):
        for currency, minor_units in by_currency.items():
            family.add_metric([currency], minor_units)
    yield from families


def _gauge(name: str, about: str, value: int) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _since(first: datetime | None, now: datetime) -> int:
    return max(0, (now - first) // _SECOND) if first else 0
