"""The timeline of an order, latest first: each request with its client, outcome, prices and events."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from api.context import ApiContext
from api.desk import labels
from api.entur.routes import PREFIX as ENTUR
from api.errors.about import detail_of
from domain.changes import ChangeKind, ChangeState
from domain.money import Money
from domain.orders import Order
from domain.planning.plan import Plan
from domain.quotes import Quote
from store.changes.changes import outcome_of, plan_of, quote_of, sender_of
from store.database.tenant_session import TenantSession
from store.orders.events import EventType, data_of
from store.tables import ChangeRow, EventRow, LineRow, OrderRow
from store.views import order_timeline

PAGE = 25
MAX_EVENTS = 400
_DRAFT_ENDS = (EventType.DRAFT_DISCARDED, EventType.DRAFT_EXPIRED)
# A draft that a change ended by going back to what was confirmed is told by that change.


@dataclass(frozen=True)
class LineShown:
    """A line that a change added or removed."""

    id: str
    product: str
    service: str | None
    price: Money | None
    seats: Sequence[str]


@dataclass(frozen=True)
class Note:
    """An event of an order, as a sentence."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Entry:
    """One request, or the end of a draft that no request caused."""

    id: str | None
    kind: str
    actor: str
    at: datetime
    finished: datetime | None
    state: str
    code: str | None
    version: int | None
    correlation: str | None = None
    client: str | None = None
    """The client that sent the request, by name; None without authentication."""
    reason: str | None = None
    about: str | None = None
    """What a refusal is about."""
    before: Money | None = None
    after: Money | None = None
    quote: Quote | None = None
    added: Sequence[LineShown] = ()
    removed: Sequence[LineShown] = ()
    notes: Sequence[Note] = ()
    in_draft: bool = False
    """Whether the request belongs to the draft that is open now."""


@dataclass(frozen=True)
class Timeline:
    """One page of a timeline; `older` is the request after which the next page begins, None on the last page."""

    entries: Sequence[Entry]
    older: str | None


def timeline(tx: TenantSession, ctx: ApiContext, order_row: OrderRow, order: Order, before: str | None) -> Timeline:
    """Return one page of an order's timeline, latest first: the entries before a request, or the latest ones."""
    requests = order_timeline.requests(tx, order_row, before, PAGE + 1)
    rows, more = requests[:PAGE], len(requests) > PAGE
    events = order_timeline.events_of(tx, order_row, [row.id for row in rows], MAX_EVENTS)
    builder = _EntryBuilder(tx, ctx, order_row, order, rows)
    oldest = rows[-1].created_at if more else order_row.created_at
    latest = requests[0].created_at if before and requests else None
    entries = [builder.entry_of_request(row, events) for row in rows]
    ends = [e for e in events if e.change is None and e.type in _DRAFT_ENDS and e.at >= oldest]
    unrequested = [e for e in ends if not _was_requested(e, rows)]
    entries += [builder.entry_of_end(event) for event in unrequested if latest is None or event.at <= latest]
    ordered = sorted(entries, key=lambda each: each.at, reverse=True)
    return Timeline(_with_totals(ordered, requests[PAGE:]), rows[-1].id if more else None)


def _was_requested(event: EventRow, rows: Iterable[ChangeRow]) -> bool:
    """Whether a discard request caused this end of a draft."""
    return event.type == EventType.DRAFT_DISCARDED and any(
        row.kind == ChangeKind.DISCARD
        and row.claimed_at is not None
        and row.claimed_at <= event.at
        and (row.finished_at is None or event.at <= row.finished_at)
        for row in rows
    )


def _with_totals(entries: Sequence[Entry], earlier: Sequence[ChangeRow]) -> list[Entry]:
    """Return the entries with `before` set: the order's total after the entry before."""
    outcome = outcome_of(earlier[0]) if earlier else None
    total = outcome.order.total if outcome else None
    completed: list[Entry] = []
    for entry in reversed(entries):
        completed.append(replace(entry, before=None if entry.kind == ChangeKind.CREATE else total))
        # The end of an expired draft has no totals, so the entry after it starts with an unknown total.
        total = entry.after if entry.after is not None or entry.finished is not None else total
    return completed[::-1]


class _EntryBuilder:
    """Builds timeline entries of one order from its lines, seats and plans."""

    def __init__(
        self, tx: TenantSession, ctx: ApiContext, order_row: OrderRow, order: Order, rows: Sequence[ChangeRow]
    ) -> None:
        self._ctx = ctx
        self._order_row = order_row
        self._plans = {row.id: plan_of(row) for row in rows if row.plan}
        ids = [line for plan in self._plans.values() for line in (*(a.id for a in plan.adds), *plan.removes)]
        self._lines: Mapping[str, LineRow] = order_timeline.lines(tx, order_row, ids)
        self._seats = {each.id: each.name for each in order.reservations}

    def entry_of_request(self, row: ChangeRow, events: Iterable[EventRow]) -> Entry:
        """Return the entry of one request."""
        outcome, plan, quote = outcome_of(row), self._plans.get(row.id), quote_of(row)
        return Entry(
            id=row.id,
            kind=row.kind,
            actor=labels.describe_sender(row.route, ENTUR, self._ctx.discover.base_path),
            at=row.created_at,
            finished=row.finished_at,
            state=row.state,
            code=(outcome.code if outcome else None) or row.dispatch_error,
            version=plan.version if plan else outcome.order.version if outcome else None,
            correlation=row.correlation_id,
            client=row.client or None,
            reason=sender_of(row).reason,
            about=detail_of(outcome.members) if outcome else None,
            after=outcome.order.total if outcome else None,
            quote=quote,
            added=self._added(plan, row.id) if plan else (),
            removed=[self._removed(line) for line in plan.removes] if plan else (),
            notes=_notes(event for event in events if event.change == row.id),
            in_draft=row.state == ChangeState.DONE
            and row.draft_opened_by is not None
            and row.draft_opened_by == self._order_row.draft_opened_by,
        )

    def entry_of_end(self, event: EventRow) -> Entry:
        """Return the entry of a draft's end without a request: it expired, or was cancelled in Temporal."""
        expired = event.type == EventType.DRAFT_EXPIRED
        return Entry(
            id=None,
            kind="draft expired" if expired else "draft discarded",
            actor="its deadline" if expired else "a cancellation in Temporal",
            at=event.at,
            finished=event.at,
            state=ChangeState.DONE,
            code=None,
            version=data_of(event).get("version"),
        )

    def _added(self, plan: Plan, change: str) -> list[LineShown]:
        def seats_of(line: str) -> list[str]:
            # A change that is refused as a whole uses up no line ids: a later one may have the id of its line.
            row = self._lines.get(line)
            return self._seats_of(line) if row is not None and row.added_by == change else []

        return [LineShown(each.id, each.product, each.service, each.price, seats_of(each.id)) for each in plan.adds]

    def _removed(self, line: str) -> LineShown:
        row = self._lines.get(line)
        if row is None:
            return LineShown(line, "", None, None, ())
        price = Money(row.price_minor, self._order_row.currency)
        return LineShown(line, row.product, row.service, price, self._seats_of(line))

    def _seats_of(self, line: str) -> list[str]:
        row = self._lines.get(line)
        ids = [each["reservation"] for each in json.loads(row.seats)] if row else []
        return [self._seats.get(each, each) for each in ids]


def _notes(events: Iterable[EventRow]) -> list[Note]:
    sentences = ((event.at, labels.describe_event(event.type, data_of(event))) for event in events)
    return [Note(at, text) for at, text in sentences if text]
