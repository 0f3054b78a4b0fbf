"""What happened to an order, latest first: who asked, why it ended so, and what was before and after."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from api.context import ApiContext
from api.desk import labels
from api.entur.routes import PREFIX as ENTUR
from domain.changes import ChangeKind, ChangeState
from domain.money import Money
from domain.orders import Order
from domain.planning.plan import Plan
from domain.quotes import Quote
from store.changes.changes import outcome_of, plan_of, quote_of
from store.database.tenant_session import TenantSession
from store.orders.events import EventType, data_of
from store.tables import ChangeRow, EventRow, LineRow, OrderRow
from store.views import order_timeline

PAGE = 25
MOST_EVENTS = 400
_BY_ITSELF = (EventType.DRAFT_DISCARDED, EventType.DRAFT_EXPIRED)


@dataclass(frozen=True)
class LineShown:
    """A line that came or went: what, where, for how much."""

    id: str
    product: str
    service: str | None
    price: Money | None
    seats: Sequence[str]


@dataclass(frozen=True)
class Note:
    """Something that became true, in words."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Entry:
    """One request, or one end of a draft that nobody asked for."""

    id: str | None
    kind: str
    who: str
    at: datetime
    finished: datetime | None
    state: str
    code: str | None
    version: int | None
    correlation: str | None = None
    before: Money | None = None
    after: Money | None = None
    quote: Quote | None = None
    added: Sequence[LineShown] = ()
    removed: Sequence[LineShown] = ()
    notes: Sequence[Note] = ()
    in_draft: bool = False
    """Whether what it did belongs to the draft that is open now."""


@dataclass(frozen=True)
class Timeline:
    """A part of what happened, and where the older part begins."""

    entries: Sequence[Entry]
    older: str | None


def timeline(tx: TenantSession, ctx: ApiContext, head: OrderRow, order: Order, before: str | None) -> Timeline:
    """Return a part of an order's timeline, latest first, older than a request."""
    found = order_timeline.requests(tx, head, before, PAGE + 1)
    rows, more = found[:PAGE], len(found) > PAGE
    events = order_timeline.events_of(tx, head, [row.id for row in rows], MOST_EVENTS)
    writer = _Writer(tx, ctx, head, order, rows)
    oldest = rows[-1].created_at if more else head.created_at
    latest = found[0].created_at if before and found else None
    entries = [writer.of_request(row, events) for row in rows]
    ends = [e for e in events if e.change is None and e.type in _BY_ITSELF and e.at >= oldest and not _asked(e, rows)]
    entries += [writer.of_end(event) for event in ends if latest is None or event.at <= latest]
    ordered = sorted(entries, key=lambda each: each.at, reverse=True)
    return Timeline(_with_totals(ordered, found[PAGE:]), rows[-1].id if more else None)


def _asked(event: EventRow, rows: Iterable[ChangeRow]) -> bool:
    """Whether somebody asked for this end of a draft."""
    return event.type == EventType.DRAFT_DISCARDED and any(
        row.kind == ChangeKind.DISCARD
        and row.claimed_at is not None
        and row.claimed_at <= event.at
        and (row.finished_at is None or event.at <= row.finished_at)
        for row in rows
    )


def _with_totals(entries: Sequence[Entry], earlier: Sequence[ChangeRow]) -> list[Entry]:
    """Say of each entry what the order cost before it: what it cost after the one before."""
    outcome = outcome_of(earlier[0]) if earlier else None
    total = outcome.order.total if outcome else None
    told: list[Entry] = []
    for entry in reversed(entries):
        told.append(replace(entry, before=None if entry.kind == ChangeKind.CREATE else total))
        # A draft that ran out says nothing of its sums: the next one begins unknown.
        total = entry.after if entry.after is not None or entry.finished is not None else total
    return told[::-1]


class _Writer:
    """Writes entries of one order, with its lines and seats at hand."""

    def __init__(
        self, tx: TenantSession, ctx: ApiContext, head: OrderRow, order: Order, rows: Sequence[ChangeRow]
    ) -> None:
        self._made = ctx
        self._head = head
        self._plans = {row.id: plan_of(row) for row in rows if row.plan}
        ids = [line for plan in self._plans.values() for line in (*(a.id for a in plan.adds), *plan.removes)]
        self._lines: Mapping[str, LineRow] = order_timeline.lines(tx, head, ids)
        self._seats = {each.id: each.name for each in order.reservations}

    def of_request(self, row: ChangeRow, events: Iterable[EventRow]) -> Entry:
        """Return the entry of a request."""
        outcome, plan, quote = outcome_of(row), self._plans.get(row.id), quote_of(row)
        return Entry(
            id=row.id,
            kind=row.kind,
            who=labels.who(row.route, ENTUR, self._made.discover.base_path),
            at=row.created_at,
            finished=row.finished_at,
            state=row.state,
            code=(outcome.code if outcome else None) or row.dispatch_error,
            version=plan.version if plan else outcome.order.version if outcome else None,
            correlation=row.correlation_id,
            after=outcome.order.total if outcome else None,
            quote=quote,
            added=self._added(plan, quote) if plan else (),
            removed=[self._removed(line) for line in plan.removes] if plan else (),
            notes=_notes(event for event in events if event.change == row.id),
            in_draft=row.state == ChangeState.DONE
            and row.draft_opened_by is not None
            and row.draft_opened_by == self._head.draft_opened_by,
        )

    def of_end(self, event: EventRow) -> Entry:
        """Return the entry of a draft's end that nobody asked for through us."""
        expired = event.type == EventType.DRAFT_EXPIRED
        return Entry(
            id=None,
            kind="draft expired" if expired else "draft discarded",
            who="its deadline" if expired else "a cancel in Temporal",
            at=event.at,
            finished=event.at,
            state=ChangeState.DONE,
            code=None,
            version=data_of(event).get("version"),
        )

    def _added(self, plan: Plan, quote: Quote | None) -> list[LineShown]:
        prices = quote.prices if quote else {}
        return [
            LineShown(each.id, each.product, each.service, prices.get(each.id), self._seats_of(each.id))
            for each in plan.adds
        ]

    def _removed(self, line: str) -> LineShown:
        row = self._lines.get(line)
        if row is None:
            return LineShown(line, "", None, None, ())
        price = Money(row.price_minor, self._head.currency)
        return LineShown(line, row.product, row.service, price, self._seats_of(line))

    def _seats_of(self, line: str) -> list[str]:
        row = self._lines.get(line)
        ids = json.loads(row.reservations) if row else []
        return [self._seats.get(each, each) for each in ids]


def _notes(events: Iterable[EventRow]) -> list[Note]:
    said = ((event.at, labels.describe_event(event.type, data_of(event))) for event in events)
    return [Note(at, text) for at, text in said if text]
