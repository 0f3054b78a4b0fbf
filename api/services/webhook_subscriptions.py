"""Webhook subscriptions: URLs are checked before they are stored; a secret is returned only to its Idempotency-Key."""

import base64
import secrets
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext
from api.errors.problems import ProblemError
from api.services.idempotency import fingerprint
from domain.dual_control import LOCAL
from domain.model import is_code
from domain.webhooks import DisabledReason, ping_body
from providers.url_policy import EndpointRefusedError, MalformedUrlError
from providers.webhook_sender import Message, SendResult, WebhookSender
from store.database.store import after_commit
from store.database.tenant_session import TenantSession
from store.tables import DeliveryRow, WebhookRow
from store.webhooks import outbox, webhooks
from telemetry import audit_log

MAX_WEBHOOKS = 50
"""Webhooks of one tenant: every event adds one row for each webhook that subscribes to it."""
DELIVERIES_SHOWN = 100
_SECRET_BYTES = 32


def new_secret() -> str:
    """Generate a secret in the format of Standard Webhooks."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


async def check_url(ctx: ApiContext, text: str) -> None:
    """Raise a problem unless the URL policy allows a URL. The sender checks it again before every post."""
    try:
        await ctx.url_policy.addresses(ctx.url_policy.parse(text))
    except MalformedUrlError as error:
        raise ProblemError("MEMBER_INVALID", [{"pointer": "/url", "code": "url", "detail": str(error)}]) from None
    except EndpointRefusedError as error:
        raise ProblemError(error.failure, [{"pointer": "/url"}]) from None


async def subscribe(
    request: Request, ctx: ApiContext, url: str, types: Sequence[str] | None, key: str
) -> tuple[WebhookRow, bool]:
    """Create a webhook; return its row, and whether this key created it before."""
    request_fingerprint = fingerprint(request.method, request.url.path, {"url": url, "types": types})
    earlier = await run_in_threadpool(_find_by_key, ctx, key, request_fingerprint)
    if earlier is not None:
        return earlier, True
    await check_url(ctx, url)
    fresh = WebhookRow(
        tenant=ctx.tenant,
        id=str(uuid.uuid4()),
        url=url,
        types=webhooks.dump_types(types),
        secret=new_secret(),
        secret_idempotency_key=key,
        idempotency_key=key,
        fingerprint=request_fingerprint,
        created_at=ctx.store.now(),
    )
    return await run_in_threadpool(_store, ctx, fresh)


def _find_by_key(ctx: ApiContext, key: str, request_fingerprint: str) -> WebhookRow | None:
    with ctx.store.read() as tx:
        earlier = webhooks.of_key(tx, key)
    if earlier is not None and earlier.fingerprint != request_fingerprint:
        raise ProblemError("IDEMPOTENCY_MISMATCH")
    return earlier


def _store(ctx: ApiContext, fresh: WebhookRow) -> tuple[WebhookRow, bool]:
    with ctx.store.write() as tx:
        if webhooks.count(tx) >= MAX_WEBHOOKS:
            raise ProblemError("TOO_MANY_WEBHOOKS")
        if webhooks.add(tx, fresh):
            _audit(tx, ctx, "subscribe", fresh.id)
            return fresh, False
    earlier = _find_by_key(ctx, fresh.idempotency_key, fresh.fingerprint)
    if earlier is None:
        raise LookupError("a webhook that conflicts with a stored one must have its key")
    return earlier, True


async def change(ctx: ApiContext, webhook: str, members: Mapping[str, Any]) -> WebhookRow:
    """Change the url, types or enabled of a webhook; members that are not given stay as they are."""
    if "url" in members:
        await check_url(ctx, members["url"])
    return await run_in_threadpool(_update, ctx, webhook, members)


def _update(ctx: ApiContext, webhook: str, members: Mapping[str, Any]) -> WebhookRow:
    with ctx.store.write() as tx:
        row = _load(tx, webhook, lock=True)
        if "url" in members:
            row.url = members["url"]
        if "types" in members:
            row.types = webhooks.dump_types(members["types"])
        if members.get("enabled") is False:
            webhooks.disable(tx, row, DisabledReason.BY_REQUEST)
        elif members.get("enabled") or ("url" in members and row.enabled):
            webhooks.enable(tx, row, ctx.store.now())
        _audit(tx, ctx, "change webhook", row.id)
        return row


def rotate(ctx: ApiContext, webhook: str, key: str) -> tuple[WebhookRow, bool]:
    """Give a webhook a new secret; return its row, and whether this key created the present secret."""
    with ctx.store.write() as tx:
        row = _load(tx, webhook, lock=True)
        if row.secret_idempotency_key == key:
            return row, True
        webhooks.rotate(row, new_secret(), key, ctx.store.now())
        _audit(tx, ctx, "rotate secret", row.id)
        return row, False


def unsubscribe(ctx: ApiContext, webhook: str) -> None:
    """Delete a webhook and its pending deliveries."""
    with ctx.store.write() as tx:
        row = _load(tx, webhook, lock=True)
        outbox.forget(tx, row.id)
        tx.delete(row)
        _audit(tx, ctx, "unsubscribe", row.id)


def _audit(tx: TenantSession, ctx: ApiContext, action: str, webhook: str) -> None:
    after_commit(tx, partial(audit_log.record, action, ctx.client or LOCAL, webhook=webhook))


async def ping(ctx: ApiContext, webhook: str) -> SendResult:
    """Send a test event once, even to a disabled webhook; the result is not stored."""
    row = await run_in_threadpool(find, ctx, webhook)
    now = ctx.store.now()
    message = Message(f"ping_{uuid.uuid4().hex}", ping_body(now), webhooks.secrets_of(row, now))
    return await WebhookSender(ctx.url_policy).send(row.url, message, now)


def find(ctx: ApiContext, webhook: str) -> WebhookRow:
    """Return a webhook. Raise WEBHOOK_NOT_FOUND."""
    with ctx.store.read() as tx:
        return _load(tx, webhook)


def find_all(ctx: ApiContext) -> list[WebhookRow]:
    """Return every webhook, oldest first."""
    with ctx.store.read() as tx:
        return webhooks.of_tenant(tx)


def pending(ctx: ApiContext, rows: Sequence[WebhookRow]) -> dict[str, int]:
    """Return the number of pending events of each webhook."""
    with ctx.store.read() as tx:
        return outbox.undelivered(tx, [row.id for row in rows])


def deliveries_of(ctx: ApiContext, webhook: str) -> list[DeliveryRow]:
    """Return the deliveries of a webhook, at most 100: failing ones first, then the latest."""
    with ctx.store.read() as tx:
        row = _load(tx, webhook)
        return outbox.latest(tx, row.id, DELIVERIES_SHOWN)


def _load(tx: TenantSession, webhook: str, *, lock: bool = False) -> WebhookRow:
    """Return the row of a webhook. Raise WEBHOOK_NOT_FOUND, also for a webhook of another tenant."""
    row = webhooks.find(tx, webhook, lock=lock) if is_code(webhook) else None
    if row is None:
        raise ProblemError("WEBHOOK_NOT_FOUND")
    return row
