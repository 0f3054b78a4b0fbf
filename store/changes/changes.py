"""Changes: one row per request, with its state, plan, quote and its outcome, which is written once."""

import logging
from collections.abc import Collection
from datetime import datetime
from functools import partial
from itertools import product
from typing import NamedTuple

from pydantic_core import from_json
from sqlalchemy import String, bindparam, func
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col, select, update

from domain import formats
from domain.answers import ShownCatalogue, ShownOrder
from domain.changes import ChangeKind, ChangeRequest, ChangeState, Outcome
from domain.dual_control import LOCAL, PROVIDER, TEMPORAL
from domain.formats import NewerWorkerNeededError
from domain.planning.plan import Plan
from domain.quotes import Quote
from store.database.column_types import UtcDateTime
from store.database.documents import from_document, to_document
from store.database.inserts import insert_if_absent, table_of
from store.database.store import after_commit, before_commit
from store.database.tenant_session import TenantSession
from store.tables import ChangeRow, OrderRow
from telemetry.metrics import CHANGES
from temporal.names import PROVIDER_UNAVAILABLE, STEP_FAILED, change_of_key

log = logging.getLogger(__name__)

TEMPORAL_UPDATE_ROUTE = "temporal-update"
"""The route of a request that an operator sent in Temporal itself."""
PROVIDER_EVENT_ROUTE = "provider-event"
"""The route of a request that serves an event of an outside provider."""
_SENDERS = {TEMPORAL_UPDATE_ROUTE: TEMPORAL, PROVIDER_EVENT_ROUTE: PROVIDER}

# A series that exists before its first increment lets `rate()` see that increment.
_ENDINGS = (("done", ""), ("undone", STEP_FAILED), ("undone", PROVIDER_UNAVAILABLE))
for _kind, _ending in product(ChangeKind, _ENDINGS):
    CHANGES.labels(_kind, *_ending)

# Run by every change.
_CHANGES = table_of(ChangeRow)
_CLAIMED = select(ChangeRow).where(ChangeRow.id == bindparam("of", type_=String())).with_for_update()
_CLAIM = (
    update(_CHANGES)
    .where(_CHANGES.c.id == bindparam("of"), _CHANGES.c.order_number == bindparam("on"), _CHANGES.c.outcome.is_(None))
    .where(_CHANGES.c.needs <= bindparam("known"))
    .values(
        state=ChangeState.RUNNING,
        dispatch_error=None,
        claimed_at=func.coalesce(_CHANGES.c.claimed_at, bindparam("now", type_=UtcDateTime())),
    )
)

_EARLIER_REQUEST = (
    select(_CHANGES.c.created_at)
    .where(_CHANGES.c.order_number == bindparam("on", type_=String()), _CHANGES.c.id != bindparam("excluding"))
    .where(_CHANGES.c.kind.in_(bindparam("kinds", expanding=True)))
    .order_by(_CHANGES.c.created_at.desc())
    .offset(bindparam("later"))
    .limit(1)
)
_OPEN = (
    update(_CHANGES)
    .where(_CHANGES.c.id == bindparam("of"), _CHANGES.c.outcome.is_(None))
    .returning(_CHANGES.c.kind, _CHANGES.c.correlation_id)
)
_UNCLAIMED = _OPEN.where(_CHANGES.c.claimed_at.is_(None))
_UPDATE = update(_CHANGES).where(_CHANGES.c.id == bindparam("of"))


_FINDINGS = "findings about changes"


class Sender(NamedTuple):
    """Who sent a request, and why if the client said so."""

    client: str
    """The authenticated client; else where the request came from."""
    reason: str | None


def add(tx: Session, row: ChangeRow) -> bool:
    """Insert a new request; return False when its idempotency key or its id is taken."""
    return insert_if_absent(tx, row)


def of_id(tx: Session, change: str) -> ChangeRow | None:
    """Return a change by its id."""
    return tx.get(ChangeRow, change)


def find(tx: TenantSession, change: str) -> ChangeRow | None:
    """Return a change by its id if the session may see its order, else None."""
    of_orders = select(ChangeRow, OrderRow.distribution_channel).join(
        OrderRow, col(OrderRow.number) == col(ChangeRow.order_number), isouter=True
    )
    row, channel = tx.exec(of_orders.where(ChangeRow.id == change)).one_or_none() or (None, None)
    return row if row and tx.access.allows(row.tenant, channel) else None


def of_key(tx: TenantSession, client: str, route: str, key: str) -> ChangeRow | None:
    """Return the change stored under an idempotency key. Keys are unique per client and route."""
    conditions = (ChangeRow.tenant == tx.access.tenant, ChangeRow.client == client, ChangeRow.route == route)
    return tx.exec(select(ChangeRow).where(*conditions, ChangeRow.idempotency_key == key)).one_or_none()


def find_request_time(tx: Session, row: ChangeRow, kinds: Collection[ChangeKind], number: int) -> datetime | None:
    """Return when the `number`-th latest other request of an order, of given kinds, was stored, or None."""
    parameters = {"on": row.order_number, "excluding": row.id, "kinds": list(kinds), "later": number - 1}
    return tx.connection().execute(_EARLIER_REQUEST, parameters).scalar_one_or_none()


def claim(tx: Session, change: str, order: str, now: datetime) -> bool:
    """Claim a request for a run.

    Return False when the order has no such request, it has an outcome, or this release does not know its format.
    """
    parameters = {"of": change, "on": order, "now": now, "known": formats.KNOWN}
    return bool(tx.connection().execute(_CLAIM, parameters).rowcount)


def record_findings(
    tx: Session,
    change: str,
    *,
    plan: str | None = None,
    quote: str | None = None,
    draft_opened_by: str | None = None,
    needs: int = formats.FIRST,
) -> None:
    """Record what a step determined about a change: its plan or quote as JSON, or the draft it belongs to.

    `needs` is the format of the plan or quote: from now on the change needs it too.
    """
    # The next step of the same transaction reads them from the session's row.
    row = existing(tx, change)
    values = {"plan": plan, "quote": quote, "draft_opened_by": draft_opened_by}
    found: dict[str, object] = {name: each for name, each in values.items() if each is not None}
    if needs > row.needs:
        found["needs"] = needs
    for name, each in found.items():
        set_committed_value(row, name, each)
    if found:
        tx.info.setdefault(_FINDINGS, {}).setdefault(change, {}).update(found)
        before_commit(tx, _FINDINGS, partial(_write_findings, tx))


def _write_findings(tx: Session) -> None:
    for change, found in tx.info.pop(_FINDINGS, {}).items():
        tx.connection().execute(_UPDATE, found | {"of": change})


def lock_change(tx: Session, change: str) -> ChangeRow | None:
    """Lock a change and return it, or None when there is no such row."""
    return tx.exec(_CLAIMED, params={"of": change}).one_or_none()


def request_of(row: ChangeRow) -> ChangeRequest:
    """Return the stored request of a change."""
    return from_document(ChangeRequest, row.request)


def require_known(row: ChangeRow) -> None:
    """Raise NewerWorkerNeededError when this release does not know the format of a request that has no outcome."""
    if row.outcome is None and row.needs > formats.KNOWN:
        raise NewerWorkerNeededError(begun=row.claimed_at is not None)


def sender_of(row: ChangeRow) -> Sender:
    """Return who sent a change, and why."""
    return _sender(row.client, row.route, row.request)


def senders(tx: Session, changes: Collection[str]) -> dict[str, Sender]:
    """Return who sent each of some changes, and why, by the change's id."""
    query = select(ChangeRow.id, ChangeRow.client, ChangeRow.route, ChangeRow.request)
    return {change: _sender(*sent) for change, *sent in tx.exec(query.where(col(ChangeRow.id).in_(set(changes))))}


def _sender(client: str, route: str, request: str) -> Sender:
    actor = client or _SENDERS.get(route, LOCAL)
    return Sender(actor, from_json(request).get("reason"))


def plan_of(row: ChangeRow) -> Plan:
    """Return the plan of a change that has been planned."""
    return from_document(Plan, row.plan or "")


def quote_of(row: ChangeRow) -> Quote | None:
    """Return a change's quote, or None before it is quoted."""
    return from_document(Quote, row.quote) if row.quote else None


def outcome_of(row: ChangeRow) -> Outcome | None:
    """Return the outcome of a change, or None while it has none."""
    return from_document(Outcome, row.outcome) if row.outcome else None


def set_state(tx: Session, change: str, state: ChangeState) -> None:
    """Set the state of a change that has no outcome."""
    values = {"state": state, "dispatch_error": None}
    open_ = (col(ChangeRow.id) == change, col(ChangeRow.outcome).is_(None))
    tx.exec(update(ChangeRow).where(*open_).values(values))


def shown_in(row: ChangeRow) -> ShownOrder | None:
    """Return the order as a change's answer shows it; None while it runs, and for an answer that shows none."""
    return from_document(ShownOrder, row.shown) if row.shown else None


def shown_catalogue_in(row: ChangeRow) -> ShownCatalogue | None:
    """Return what the first answer to a change showed of the catalogue; None before, and if it showed nothing."""
    return from_document(ShownCatalogue, row.shown_catalogue) if row.shown_catalogue else None


def keep_shown_catalogue(tx: Session, change: str, catalogue: ShownCatalogue) -> ShownCatalogue:
    """Keep what the first answer to a change shows of the catalogue; return what is kept, which may be earlier."""
    first = (col(ChangeRow.id) == change, col(ChangeRow.shown_catalogue).is_(None))
    tx.exec(update(ChangeRow).where(*first).values(shown_catalogue=to_document(catalogue)))
    kept = tx.exec(select(ChangeRow.shown_catalogue).where(ChangeRow.id == change)).one()
    return from_document(ShownCatalogue, kept or "")


def end(
    tx: Session,
    change: str,
    outcome: Outcome,
    now: datetime,
    *,
    shown: ShownOrder | None = None,
    unclaimed: bool = False,
) -> bool:
    """Write a change's outcome unless it has one; return whether it was written.

    `shown` is the order as the answer shows it.
    With `unclaimed` only a change that no workflow has claimed is ended, so that it never runs later.
    """
    values = {"outcome": to_document(outcome), "state": outcome.state, "finished_at": now, "dispatch_error": None}
    if shown is not None:
        values["shown"] = to_document(shown)
    # What this transaction has found about the change goes with its outcome, in one statement.
    values |= tx.info.get(_FINDINGS, {}).pop(change, {})
    open_ = _UNCLAIMED if unclaimed else _OPEN
    row = tx.connection().execute(open_, values | {"of": change}).one_or_none()
    if row is not None:
        count_and_log(tx, change, outcome, *row)
    return row is not None


def count_and_log(tx: Session, change: str, outcome: Outcome, kind: str, correlation_id: str | None) -> None:
    """Count and log a change's outcome after the transaction that writes it has committed."""
    ids = {"order": outcome.order.number, "change": change}
    ended = {"kind": kind, "outcome": outcome.state.value, "code": outcome.code, "correlation_id": correlation_id}
    after_commit(tx, CHANGES.labels(kind, outcome.state, outcome.code or "").inc)
    after_commit(tx, partial(log.info, "change ended", extra={**ids, **ended}))


def claimed_without_outcome(tx: Session, order: str, excluding: str) -> list[ChangeRow]:
    """Return an order's claimed requests without an outcome, except one; first claimed first."""
    conditions = (ChangeRow.order_number == order, ChangeRow.id != excluding, col(ChangeRow.outcome).is_(None))
    query = select(ChangeRow).where(*conditions, col(ChangeRow.claimed_at).is_not(None))
    return list(tx.exec(query.order_by(col(ChangeRow.claimed_at), col(ChangeRow.id))))


def unclaimed(tx: Session, order: str) -> list[ChangeRow]:
    """Return an order's requests that no run has claimed, oldest first."""
    waiting = (col(ChangeRow.outcome).is_(None), col(ChangeRow.claimed_at).is_(None))
    query = select(ChangeRow).where(ChangeRow.order_number == order, *waiting)
    return list(tx.exec(query.order_by(col(ChangeRow.created_at), col(ChangeRow.id))))


def unfinished_orders(tx: Session, before: datetime) -> list[str]:
    """Return the orders with an open draft, or with a request without an outcome from before a time.

    A request that needs a newer release than this one is left to that release.
    """
    drafts = select(OrderRow.number).where(col(OrderRow.draft_opened_by).is_not(None))
    open_ = (col(ChangeRow.outcome).is_(None), ChangeRow.created_at < before, ChangeRow.needs <= formats.KNOWN)
    requests = select(ChangeRow.order_number).where(*open_, col(ChangeRow.order_number).is_not(None))
    return sorted({*tx.exec(drafts), *(order for order in tx.exec(requests) if order)})


def existing(tx: Session, change: str) -> ChangeRow:
    """Return a change that is known to exist."""
    return tx.get_one(ChangeRow, change)


def record_dispatch_error(tx: Session, change: str, code: str) -> None:
    """Record, as a code, why an unclaimed request could not be submitted to its workflow."""
    waiting = (col(ChangeRow.id) == change, col(ChangeRow.claimed_at).is_(None), col(ChangeRow.outcome).is_(None))
    tx.exec(update(ChangeRow).where(*waiting).values(dispatch_error=code))


def order_of_key(tx: Session, key: str, tenant: str | None = None) -> str | None:
    """Return the order of the change whose step has a key; None if no change, or none of the tenant, has its id."""
    found = select(ChangeRow.order_number).where(ChangeRow.id == change_of_key(key))
    return tx.exec(found if tenant is None else found.where(ChangeRow.tenant == tenant)).one_or_none()
