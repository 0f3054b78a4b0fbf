"""The route to which a payment provider delivers its events. It needs no scope, but the provider's signature."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Request
from pydantic import BaseModel, Field

from api.context import ApiContext, api_context
from api.errors.problems import ProblemError, responses
from api.http.request_headers import correlation_id
from api.http.routes import SignedRoute
from api.rate_limits.limiter import RateLimiter, address_of
from api.services import receive_event

router = APIRouter(tags=["provider events"], route_class=SignedRoute)

_BODY = {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}
_PROBLEMS = responses(
    *("EVENT_NOT_VERIFIED", "EVENT_UNREADABLE", "NO_PROVIDER_EVENTS", "PROVIDER_UNAVAILABLE"),
    *("BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "RATE_LIMITED"),
    auth=(),
)


class ReceivedOut(BaseModel):
    """What became of the delivery. Each of them means that it need not be delivered again."""

    result: str = Field(
        description="`kept`; `known` if it was received before; `unknown_order` if it is kept until its order is "
        "known; `ignored` if it concerns no key of ours."
    )


@router.post(
    "/v1/providers/payments/events",
    name="receive_provider_event",
    responses=_PROBLEMS,
    openapi_extra={"requestBody": _BODY},
)
async def receive_provider_event(
    request: Request, tasks: BackgroundTasks, ctx: Annotated[ApiContext, Depends(api_context)]
) -> ReceivedOut:
    """Receive an event of the payment provider, in the provider's own format and with its signature.

    The answer is 200 once the event is committed. What it changes on its order follows in the order's turn.
    """
    limiter: RateLimiter = request.app.state.limiter
    headers, body = dict(request.headers), await request.body()
    try:
        event = await receive_event.read(ctx, headers, body)
    except ProblemError as error:
        if error.problem.code == "EVENT_NOT_VERIFIED":
            await limiter.check(request, "unauthenticated", address_of(request))
        raise
    await limiter.check(request, "client", "provider")
    received = await receive_event.keep(ctx, event, correlation_id(request))
    tasks.add_task(receive_event.submit, ctx, received)
    return ReceivedOut(result=received.result)
