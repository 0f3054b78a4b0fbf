"""GET /v1/changes/{change}/events: the progress of a change as server-sent events."""

import logging
import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from anyio import BrokenResourceError
from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.auth.authenticator import Authenticator
from api.context import ApiContext, api_context
from api.errors.problems import ProblemError, responses
from api.http.request_headers import header_schema, single
from api.http.routes import StreamRoute
from api.native.change_stream_schema import ENDED, STEP, STREAM, EndedOut, StepSeenOut
from api.native.changes import require_change_id
from api.native.history_schema import order_event_out
from api.services.change_stream import ChangeStreams, StreamUpdate, ValidityCheck
from domain.changes import Outcome
from store.views.change_progress import ChangeSnapshot

log = logging.getLogger(__name__)
router = APIRouter(tags=["changes"], route_class=StreamRoute)

_EVENT_NUMBER = re.compile(r"\d{1,15}", re.ASCII)
_PROBLEMS: dict[int | str, dict[str, Any]] = responses("CHANGE_NOT_FOUND", "TOO_MANY_WATCHERS")


@dataclass(frozen=True)
class Watch:
    """One open stream: its first snapshot and the number of the event after which it begins."""

    streams: ChangeStreams
    first: ChangeSnapshot
    after: int
    is_still_valid: ValidityCheck


async def watch(
    request: Request,
    change: str,
    ctx: Annotated[ApiContext, Depends(api_context)],
    _last_event_id: Annotated[
        str | None,
        header_schema(r"^[0-9]{1,15}$"),
        Header(
            alias="Last-Event-ID", description="The number of the last event that the client received; 0 if absent."
        ),
    ] = None,
) -> AsyncIterator[Watch]:
    """Reserve a stream, and release it when the stream ends or its client disconnects."""
    last_event_id = single(request, "Last-Event-ID")
    if last_event_id is not None and not _EVENT_NUMBER.fullmatch(last_event_id):
        raise ProblemError("HEADER_INVALID", [{"field": "Last-Event-ID"}])
    streams: ChangeStreams = request.app.state.change_streams
    authenticator: Authenticator = request.app.state.authenticator
    first = await run_in_threadpool(streams.snapshot, ctx.access, require_change_id(change))
    if first is None:
        raise ProblemError("CHANGE_NOT_FOUND")
    with streams.reserve_slot(change, ctx.client):
        try:
            yield Watch(streams, first, int(last_event_id or 0), partial(authenticator.is_still_valid, request))
        except* BrokenResourceError:
            # The client disconnected during a send: FastAPI closes the receiving end before the sending one.
            log.info("stream client disconnected")


@router.get(
    "/v1/changes/{change}/events",
    name="watch_change",
    response_class=EventSourceResponse,
    responses=_PROBLEMS,
    openapi_extra={"responses": {"200": STREAM}},
)
async def watch_change(stream: Annotated[Watch, Depends(watch)]) -> AsyncIterable[ServerSentEvent]:
    """Follow a change as server-sent events; the last event is `ended`.

    The stream sends the order's events of this change. It also sends events without a change, such as the expiry
    of the draft, between the request and its end. These events are numbered, and the stream sends each one once
    and in order. `Last-Event-ID` resumes a stream after that event. A `step` event has no number: the stream sends
    the present state of every step first, then each new state. If a stream ends without `ended`, the client
    resumes it. A stream ends after 15 minutes, when the process stops, or when the client's credential is no
    longer valid.
    """
    async for update in stream.streams.updates(stream.first, stream.after, stream.is_still_valid):
        for each in _messages(update):
            yield each


def _messages(update: StreamUpdate) -> list[ServerSentEvent]:
    snapshot = update.snapshot
    steps = [ServerSentEvent(event=STEP, data=StepSeenOut(**vars(step))) for step in update.steps]
    events = [ServerSentEvent(id=str(row.number), event=row.type, data=order_event_out(row)) for row in update.events]
    last = [ServerSentEvent(event=ENDED, data=_ended(snapshot.change, snapshot.outcome))] if snapshot.outcome else []
    return steps + events + last


def _ended(change: str, outcome: Outcome) -> EndedOut:
    return EndedOut(change=change, state=outcome.state, code=outcome.code)
