"""Subscribing: a webhook is looked at before it is kept, and its secret is told under the key that made it."""

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
"""Webhooks a tenant may have: each is one more row at every event it wants."""
DELIVERIES_SHOWN = 100
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a secret as Standard Webhooks writes them."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


async def check_url(ctx: ApiContext, text: str) -> None:
    """Raise a problem unless a URL is one that is posted to. The same is looked at again before every post."""
    try:
        await ctx.url_policy.addresses(ctx.url_policy.parse(text))
    except MalformedUrlError as error:
        raise ProblemError("MEMBER_INVALID", [{"pointer": "/url", "code": "url", "detail": str(error)}]) from None
    except EndpointRefusedError as error:
        raise ProblemError(error.failure, [{"pointer": "/url"}]) from None


async def subscribe(
    request: Request, ctx: ApiContext, url: str, types: Sequence[str] | None, key: str
) -> tuple[WebhookRow, bool]:
    """Keep a new webhook; return its row, and whether it had been made under this key before."""
    mark = fingerprint(request.method, request.url.path, {"url": url, "types": types})
    earlier = await run_in_threadpool(_made_before, ctx, key, mark)
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
        fingerprint=mark,
        created_at=ctx.store.now(),
    )
    return await run_in_threadpool(_kept, ctx, fresh)


def _made_before(ctx: ApiContext, key: str, mark: str) -> WebhookRow | None:
    with ctx.store.read() as tx:
        earlier = webhooks.of_key(tx, key)
    if earlier is not None and earlier.fingerprint != mark:
        raise ProblemError("IDEMPOTENCY_MISMATCH")
    return earlier


def _kept(ctx: ApiContext, fresh: WebhookRow) -> tuple[WebhookRow, bool]:
    with ctx.store.write() as tx:
        if webhooks.count(tx) >= MAX_WEBHOOKS:
            raise ProblemError("TOO_MANY_WEBHOOKS")
        if webhooks.add(tx, fresh):
            _note(tx, ctx, "subscribe", fresh.id)
            return fresh, False
    earlier = _made_before(ctx, fresh.idempotency_key, fresh.fingerprint)
    if earlier is None:
        raise LookupError("a webhook that could not be kept has a twin")
    return earlier, True


async def change(ctx: ApiContext, webhook: str, wanted: Mapping[str, Any]) -> WebhookRow:
    """Change a webhook's url, types or enabled, as far as they are named."""
    if "url" in wanted:
        await check_url(ctx, wanted["url"])
    return await run_in_threadpool(_changed, ctx, webhook, wanted)


def _changed(ctx: ApiContext, webhook: str, wanted: Mapping[str, Any]) -> WebhookRow:
    with ctx.store.write() as tx:
        row = _found(tx, webhook, lock=True)
        if "url" in wanted:
            row.url = wanted["url"]
        if "types" in wanted:
            row.types = webhooks.dump_types(wanted["types"])
        if wanted.get("enabled") is False:
            webhooks.disable(tx, row, DisabledReason.BY_REQUEST)
        elif wanted.get("enabled") or ("url" in wanted and row.enabled):
            webhooks.enable(tx, row, ctx.store.now())
        _note(tx, ctx, "change webhook", row.id)
        return row


def rotate(ctx: ApiContext, webhook: str, key: str) -> tuple[WebhookRow, bool]:
    """Give a webhook a new secret; return it, and whether this key had made its secret before."""
    with ctx.store.write() as tx:
        row = _found(tx, webhook, lock=True)
        if row.secret_idempotency_key == key:
            return row, True
        webhooks.rotate(row, new_secret(), key, ctx.store.now())
        _note(tx, ctx, "rotate secret", row.id)
        return row, False


def unsubscribe(ctx: ApiContext, webhook: str) -> None:
    """Forget a webhook and what is owed to it."""
    with ctx.store.write() as tx:
        row = _found(tx, webhook, lock=True)
        outbox.forget(tx, row.id)
        tx.delete(row)
        _note(tx, ctx, "unsubscribe", row.id)


def _note(tx: TenantSession, ctx: ApiContext, act: str, webhook: str) -> None:
    after_commit(tx, partial(audit_log.record, act, ctx.client or LOCAL, webhook=webhook))


async def ping(ctx: ApiContext, webhook: str) -> SendResult:
    """Post a test once, whether or not the webhook is enabled; nothing is noted of it."""
    row = await run_in_threadpool(find, ctx, webhook)
    now = ctx.store.now()
    message = Message(f"ping_{uuid.uuid4().hex}", ping_body(now), webhooks.secrets_of(row, now))
    return await WebhookSender(ctx.url_policy).send(row.url, message, now)


def find(ctx: ApiContext, webhook: str) -> WebhookRow:
    """Return a webhook."""
    with ctx.store.read() as tx:
        return _found(tx, webhook)


def find_all(ctx: ApiContext) -> list[WebhookRow]:
    """Return every webhook, oldest first."""
    with ctx.store.read() as tx:
        return webhooks.of_tenant(tx)


def pending(ctx: ApiContext, rows: Sequence[WebhookRow]) -> dict[str, int]:
    """Return how many events each webhook has still to get."""
    with ctx.store.read() as tx:
        return outbox.undelivered(tx, [row.id for row in rows])


def deliveries_of(ctx: ApiContext, webhook: str) -> list[DeliveryRow]:
    """Return what a webhook was told, or is owed: what fails first, then the latest."""
    with ctx.store.read() as tx:
        row = _found(tx, webhook)
        return outbox.latest(tx, row.id, DELIVERIES_SHOWN)


def _found(tx: TenantSession, webhook: str, *, lock: bool = False) -> WebhookRow:
    """Return a row within reach; another tenant's is as unknown as none."""
    row = webhooks.find(tx, webhook, lock=lock) if is_code(webhook) else None
    if row is None:
        raise ProblemError("WEBHOOK_NOT_FOUND")
    return row
