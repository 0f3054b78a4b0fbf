"""Routes for webhooks: subscriptions to events, and their deliveries."""

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

Context = Annotated[ApiContext, Depends(api_context)]
Keyed = Annotated[RequestOptions, Depends(require_idempotency_key)]
_BODY = ("MALFORMED_BODY", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "MEMBER_INVALID")
_ADDRESS = ("ADDRESS_UNKNOWN", "ADDRESS_REFUSED")
_UNKNOWN = responses("WEBHOOK_NOT_FOUND")
_SUBSCRIBE = responses(*_BODY, *_ADDRESS, "IDEMPOTENCY_KEY_MISSING", "IDEMPOTENCY_MISMATCH", "TOO_MANY_WEBHOOKS")


@router.post("/v1/webhooks", name="subscribe", status_code=201, responses=_SUBSCRIBE)
async def subscribe(
    request: Request, body: WebhookIn, ctx: Context, options: Keyed, response: Response
) -> WebhookSecretOut:
    """Subscribe a URL to future events. Posts are signed as Standard Webhooks defines.

    Events of one order arrive in order. Each event is delivered at least once, always with the same `webhook-id`.
    """
    row, replayed = await webhook_subscriptions.subscribe(request, ctx, body.url, body.types, options.key or "")
    response.headers["Location"] = f"/v1/webhooks/{row.id}"
    return await run_in_threadpool(_with_secret, ctx, row, options, response, replayed=replayed)


@router.get("/v1/webhooks", name="get_webhooks", responses=responses())
def get_webhooks(ctx: Context) -> WebhooksOut:
    """Return every webhook with its delivery state."""
    rows = webhook_subscriptions.find_all(ctx)
    pending, now = webhook_subscriptions.pending(ctx, rows), ctx.store.now()
    return WebhooksOut(webhooks=[webhook_out(row, pending.get(row.id, 0), now) for row in rows])


@router.get("/v1/webhooks/{webhook}", name="get_webhook", responses=_UNKNOWN)
def get_webhook(webhook: str, ctx: Context) -> WebhookOut:
    """Return a webhook with its delivery state."""
    return _with_state(ctx, webhook_subscriptions.find(ctx, webhook))


@router.patch(
    "/v1/webhooks/{webhook}", name="change_webhook", responses=responses(*_BODY, *_ADDRESS, "WEBHOOK_NOT_FOUND")
)
async def change_webhook(webhook: str, body: WebhookPatchIn, ctx: Context) -> WebhookOut:
    """Change the given members. A new URL or `enabled: true` retries pending events at once."""
    row = await webhook_subscriptions.change(ctx, webhook, body.model_dump(exclude_unset=True))
    return await run_in_threadpool(_with_state, ctx, row)


@router.delete("/v1/webhooks/{webhook}", name="unsubscribe", status_code=204, responses=_UNKNOWN)
def unsubscribe(webhook: str, ctx: Context) -> None:
    """Delete a webhook and its deliveries; no further events are posted to it."""
    webhook_subscriptions.unsubscribe(ctx, webhook)


@router.post(
    "/v1/webhooks/{webhook}/rotate-secret",
    name="rotate_secret",
    responses=responses("WEBHOOK_NOT_FOUND", "IDEMPOTENCY_KEY_MISSING"),
)
def rotate_secret(webhook: str, ctx: Context, options: Keyed, response: Response) -> WebhookSecretOut:
    """Give a webhook a new secret. For 24 hours posts are signed with the previous secret too."""
    row, replayed = webhook_subscriptions.rotate(ctx, webhook, options.key or "")
    return _with_secret(ctx, row, options, response, replayed=replayed)


@router.post("/v1/webhooks/{webhook}/test", name="test_webhook", responses=_UNKNOWN)
async def test_webhook(webhook: str, ctx: Context) -> TestOut:
    """Post one event of the type `ping` now and return the result."""
    return test_out(await webhook_subscriptions.ping(ctx, webhook))


@router.get("/v1/webhooks/{webhook}/deliveries", name="get_deliveries", responses=_UNKNOWN)
def get_deliveries(webhook: str, ctx: Context) -> DeliveriesOut:
    """Return the deliveries of a webhook: failing ones first, then the latest."""
    rows = webhook_subscriptions.deliveries_of(ctx, webhook)
    return DeliveriesOut(deliveries=[delivery_out(row, message_id(row.order_number, row.number)) for row in rows])


def _with_secret(
    ctx: ApiContext, row: WebhookRow, options: RequestOptions, response: Response, *, replayed: bool
) -> WebhookSecretOut:
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    pending = webhook_subscriptions.pending(ctx, [row])
    return secret_out(row, pending.get(row.id, 0), ctx.store.now(), options.key or "")


def _with_state(ctx: ApiContext, row: WebhookRow) -> WebhookOut:
    return webhook_out(row, webhook_subscriptions.pending(ctx, [row]).get(row.id, 0), ctx.store.now())
