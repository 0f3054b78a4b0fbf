"""Receives events of a payment provider: an event is in the inbox before its delivery is acknowledged."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from starlette.concurrency import run_in_threadpool

from api.context import ApiContext
from api.errors.problems import ProblemError
from api.services.submit_request import UNREACHABLE
from api.workflow_client import SubmitRequest, TemporalUnavailableError
from domain.access import TenantAccess
from domain.changes import ChangeKind
from domain.provider_events import ProviderEvent, ProviderEventKind
from providers.errors import EventNotVerifiedError, EventUnreadableError, ProviderUnavailableError
from providers.protocols import SendsEvents
from store.changes import changes, provider_events
from store.orders.orders import find
from telemetry.metrics import PROVIDER_EVENTS

log = logging.getLogger(__name__)

KEPT, KNOWN, UNKNOWN_ORDER, IGNORED = "kept", "known", "unknown_order", "ignored"
"""What became of a delivery: kept, received before, kept without an order that is known, or no event that is ours."""

# A series that exists before its first increment lets `rate()` see that increment.
for _kind, _result in product(ProviderEventKind, (KEPT, KNOWN, UNKNOWN_ORDER)):
    PROVIDER_EVENTS.labels(_kind, _result)


@dataclass(frozen=True)
class Received:
    """What became of a delivery, with the request that serves it if there is one to submit."""

    result: str
    tenant: str = ""
    request: SubmitRequest | None = None


async def read(ctx: ApiContext, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
    """Verify a delivery and return its event; None for one that concerns no key of ours.

    Raise NO_PROVIDER_EVENTS, EVENT_NOT_VERIFIED, EVENT_UNREADABLE and PROVIDER_UNAVAILABLE.
    """
    provider: object = ctx.payments
    if not isinstance(provider, SendsEvents):
        raise ProblemError("NO_PROVIDER_EVENTS")
    return await run_in_threadpool(_read, provider, headers, body)


async def keep(ctx: ApiContext, event: ProviderEvent | None, correlation_id: str) -> Received:
    """Keep an event once; return what became of its delivery."""
    if event is None:
        PROVIDER_EVENTS.labels("", IGNORED).inc()
        return Received(IGNORED)
    received = await run_in_threadpool(_keep, ctx, event, correlation_id)
    PROVIDER_EVENTS.labels(event.kind, received.result).inc()
    about = {"kind": event.kind.value, "outcome": received.result, "correlation_id": correlation_id}
    ids = {"order": received.request.order, "change": received.request.change} if received.request else {}
    log.info("provider event received", extra={**about, **ids})
    return received


def _read(provider: SendsEvents, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
    try:
        return provider.read_event(headers, body)
    except EventNotVerifiedError:
        PROVIDER_EVENTS.labels("", "refused").inc()
        raise ProblemError("EVENT_NOT_VERIFIED") from None
    except EventUnreadableError:
        PROVIDER_EVENTS.labels("", "refused").inc()
        raise ProblemError("EVENT_UNREADABLE") from None
    except ProviderUnavailableError:
        PROVIDER_EVENTS.labels("", "failed").inc()
        raise ProblemError("PROVIDER_UNAVAILABLE") from None


def _keep(ctx: ApiContext, event: ProviderEvent, correlation_id: str) -> Received:
    """Commit an event to the inbox, as its tenant."""
    store = ctx.unscoped_store.for_tenant(TenantAccess(event.tenant))
    with store.write() as tx:
        row = provider_events.receive(tx, event, store.now())
        if row is None:
            return Received(KNOWN)
        if row.change is None or row.order_number is None:
            return Received(KEPT if row.served_at else UNKNOWN_ORDER)
        order = find(tx, row.order_number)
        channel = order.distribution_channel if order else None
        request = SubmitRequest(ChangeKind.PROVIDER_EVENT, row.change, row.order_number, channel, correlation_id)
        return Received(KEPT, row.tenant, request)


async def submit(ctx: ApiContext, received: Received) -> None:
    """Submit a kept event to its order's workflow. What Temporal does not take now, the reconciliation submits."""
    request = received.request
    if request is None:
        return
    try:
        await ctx.workflow_client.signal_event(request)
    except TemporalUnavailableError:
        log.warning("provider event not submitted", extra={"order": request.order, "change": request.change})
        await run_in_threadpool(_record, ctx, received.tenant, request.change, submitted=False)
    else:
        await run_in_threadpool(_record, ctx, received.tenant, request.change, submitted=True)


def _record(ctx: ApiContext, tenant: str, change: str, *, submitted: bool) -> None:
    store = ctx.unscoped_store.for_tenant(TenantAccess(tenant))
    with store.write() as tx:
        if submitted:
            provider_events.record_submitted(tx, change, store.now())
        else:
            changes.record_dispatch_error(tx, change, UNREACHABLE)
