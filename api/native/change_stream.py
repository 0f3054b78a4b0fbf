"""GET /v1/changes/{change}/events: a change as it happens, as server-sent events."""

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
from api.native.changes import known_change
from api.native.history_schema import event_out
from api.services.change_stream import Admitted, ChangeStreams, StreamUpdate
from domain.changes import Outcome
from store.views.change_progress import ChangeSnapshot

log = logging.getLogger(__name__)
router = APIRouter(tags=["changes"], route_class=StreamRoute)

_EVENT_NUMBER = re.compile(r"\d{1,15}", re.ASCII)
_PROBLEMS: dict[int | str, dict[str, Any]] = responses("CHANGE_NOT_FOUND", "TOO_MANY_WATCHERS")


@dataclass(frozen=True)
class Watch:
    """One stream: what it begins with, and behind which event."""

    watchers: ChangeStreams
    first: ChangeSnapshot
    after: int
    admitted: Admitted


async def watch(
    request: Request,
    change: str,
    made: Annotated[ApiContext, Depends(api_context)],
    _last_event_id: Annotated[
        str | None,
        header_schema(r"^[0-9]{1,15}$"),
        Header(alias="Last-Event-ID", description="The last event number you have; 0 when absent."),
    ] = None,
) -> AsyncIterator[Watch]:
    """Take a place among the streams, and give it back when this one ends or its client goes away."""
    said = single(request, "Last-Event-ID")
    if said is not None and not _EVENT_NUMBER.fullmatch(said):
        raise ProblemError("HEADER_INVALID", [{"field": "Last-Event-ID"}])
    watchers: ChangeStreams = request.app.state.watchers
    door: Authenticator = request.app.state.authenticator
    first = await run_in_threadpool(watchers.snapshot, made.access, known_change(change))
    if first is None:
        raise ProblemError("CHANGE_NOT_FOUND")
    with watchers.reserve_slot(change, made.client):
        try:
            yield Watch(watchers, first, int(said or 0), partial(door.is_still_valid, request))
        except* BrokenResourceError:
            # The client went away while being told something: FastAPI closes the stream's end before its sender.
            log.info("a client that watched went away")


@router.get(
    "/v1/changes/{change}/events",
    name="watch_change",
    response_class=EventSourceResponse,
    responses=_PROBLEMS,
    openapi_extra={"responses": {"200": STREAM}},
)
async def watch_change(watched: Annotated[Watch, Depends(watch)]) -> AsyncIterable[ServerSentEvent]:
    """Watch a change as it happens, as server-sent events; the last one is `ended`.

    Events of the order are numbered: those of this change, and those of no change (its draft expired, was
    discarded) from when it was asked for until it ended. Each is sent once, in order, and the stream is resumed
    behind `Last-Event-ID`. A `step` has no number: a stream tells each step as it stands when it begins, and
    then whatever becomes of it. A stream that ends without `ended` is to be resumed: it lived for 15 minutes,
    or the process stops; or its client is not let in any more.
    """
    async for news in watched.watchers.updates(watched.first, watched.after, watched.admitted):
        for each in _messages(news):
            yield each


def _messages(news: StreamUpdate) -> list[ServerSentEvent]:
    glance = news.glance
    steps = [ServerSentEvent(event=STEP, data=StepSeenOut(**vars(step))) for step in news.steps]
    events = [ServerSentEvent(id=str(row.number), event=row.type, data=event_out(row)) for row in news.events]
    last = [ServerSentEvent(event=ENDED, data=_ended(glance.change, glance.outcome))] if glance.outcome else []
    return steps + events + last


def _ended(change: str, outcome: Outcome) -> EndedOut:
    return EndedOut(change=change, state=outcome.state, code=outcome.code)
