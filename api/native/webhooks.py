"""Webhooks: who wants to hear of events, and how that goes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext, api_context
from api.errors.problems import responses
from api.http.request_headers import RequestOptions, require_idempotency_key
from api.http.routes import AuthenticatedRoute
from api.native.webhooks_schema import (
    DeliveriesOut,
    TestOut,
    WebhookIn,
    WebhookOut,
    WebhookPatchIn,
    WebhookSecretOut,
    WebhooksOut,
    delivery_out,
    secret_out,
    test_out,
    webhook_out,
)
from api.services import webhook_subscriptions
from domain.webhooks import message_id
from store.tables import WebhookRow

router = APIRouter(tags=["webhooks"], route_class=AuthenticatedRoute)

Parts = Annotated[ApiContext, Depends(api_context)]
Keyed = Annotated[RequestOptions, Depends(require_idempotency_key)]
_BODY = ("MALFORMED_BODY", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "MEMBER_INVALID")
_ADDRESS = ("ADDRESS_UNKNOWN", "ADDRESS_REFUSED")
_UNKNOWN = responses("WEBHOOK_NOT_FOUND")
_SUBSCRIBE = responses(*_BODY, *_ADDRESS, "IDEMPOTENCY_KEY_MISSING", "IDEMPOTENCY_MISMATCH", "TOO_MANY_WEBHOOKS")


@router.post("/v1/webhooks", name="subscribe", status_code=201, responses=_SUBSCRIBE)
async def subscribe(
    request: Request, wanted: WebhookIn, ctx: Parts, options: Keyed, answer: Response
) -> WebhookSecretOut:
    """Have events posted to a URL from now on, signed as Standard Webhooks says.

    Each order's events come in their order; each comes at least once, with the same `webhook-id` each time.
    """
    row, replayed = await webhook_subscriptions.subscribe(request, ctx, wanted.url, wanted.types, options.key or "")
    answer.headers["Location"] = f"/v1/webhooks/{row.id}"
    return await run_in_threadpool(_with_secret, ctx, row, options, answer, replayed=replayed)


@router.get("/v1/webhooks", name="get_webhooks", responses=responses())
def get_webhooks(ctx: Parts) -> WebhooksOut:
    """Return every webhook, with how it does."""
    rows = webhook_subscriptions.find_all(ctx)
    waiting, now = webhook_subscriptions.pending(ctx, rows), ctx.store.now()
    return WebhooksOut(webhooks=[webhook_out(row, waiting.get(row.id, 0), now) for row in rows])


@router.get("/v1/webhooks/{webhook}", name="get_webhook", responses=_UNKNOWN)
def get_webhook(webhook: str, ctx: Parts) -> WebhookOut:
    """Return a webhook, with how it does."""
    return _shown(ctx, webhook_subscriptions.find(ctx, webhook))


@router.patch(
    "/v1/webhooks/{webhook}", name="change_webhook", responses=responses(*_BODY, *_ADDRESS, "WEBHOOK_NOT_FOUND")
)
async def change_webhook(webhook: str, wanted: WebhookPatchIn, ctx: Parts) -> WebhookOut:
    """Change what is named. A new URL, or `enabled: true`, has everything that waits tried at once."""
    row = await webhook_subscriptions.change(ctx, webhook, wanted.model_dump(exclude_unset=True))
    return await run_in_threadpool(_shown, ctx, row)


@router.delete("/v1/webhooks/{webhook}", name="unsubscribe", status_code=204, responses=_UNKNOWN)
def unsubscribe(webhook: str, ctx: Parts) -> None:
    """Post nothing more to a webhook, and forget what it was told."""
    webhook_subscriptions.unsubscribe(ctx, webhook)


@router.post(
    "/v1/webhooks/{webhook}/rotate-secret",
    name="rotate_secret",
    responses=responses("WEBHOOK_NOT_FOUND", "IDEMPOTENCY_KEY_MISSING"),
)
def rotate_secret(webhook: str, ctx: Parts, options: Keyed, answer: Response) -> WebhookSecretOut:
    """Give a webhook a new secret. For 24 hours the former one signs along."""
    row, replayed = webhook_subscriptions.rotate(ctx, webhook, options.key or "")
    return _with_secret(ctx, row, options, answer, replayed=replayed)


@router.post("/v1/webhooks/{webhook}/test", name="test_webhook", responses=_UNKNOWN)
async def test_webhook(webhook: str, ctx: Parts) -> TestOut:
    """Post an event of the type `ping` once, now, and say how it went."""
    return test_out(await webhook_subscriptions.ping(ctx, webhook))


@router.get("/v1/webhooks/{webhook}/deliveries", name="get_deliveries", responses=_UNKNOWN)
def get_deliveries(webhook: str, ctx: Parts) -> DeliveriesOut:
    """Return what a webhook was told or is owed: what fails first, then the latest."""
    rows = webhook_subscriptions.deliveries_of(ctx, webhook)
    return DeliveriesOut(deliveries=[delivery_out(row, message_id(row.order_number, row.number)) for row in rows])


def _with_secret(
    ctx: ApiContext, row: WebhookRow, options: RequestOptions, answer: Response, *, replayed: bool
) -> WebhookSecretOut:
    if replayed:
        answer.headers["Idempotency-Replayed"] = "true"
    waiting = webhook_subscriptions.pending(ctx, [row])
    return secret_out(row, waiting.get(row.id, 0), ctx.store.now(), options.key or "")


def _shown(ctx: ApiContext, row: WebhookRow) -> WebhookOut:
    return webhook_out(row, webhook_subscriptions.pending(ctx, [row]).get(row.id, 0), ctx.store.now())
