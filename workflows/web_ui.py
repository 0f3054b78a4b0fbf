"""What operators see of a run in the Temporal Web UI. Plain words, codes and amounts, no people."""

from collections.abc import Iterator
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from temporal.messages import Progress, StuckStep
from temporal.search_attributes import (
    CHANGE_KIND,
    CHANNEL,
    CORRELATION_ID,
    DRAFT_EXPIRES,
    ORDER_STATE,
    PRICE_DIFF_MINOR,
)
from workflows.draft import Draft
from workflows.request_queue import RequestQueue
from workflows.saga.progress import MAX_SHOWN, ProgressTracker, RequestProgress

_HELP = """
**What you can do: More Actions, Send an Update**

- `confirm`, `{"reason": "paid at the counter"}`: make the draft the order, when nothing is owed
- `discard`, no data: take the whole draft back, as Request Cancellation does
- `extend`, `{"minutes": 30}`: let the draft live that long from now
- `retry_now`, no data: when a step is stuck, try it again at once
- `done_by_hand`, `{"reason": "refunded at the bank"}`: when you did the stuck step at its provider

Terminate is never needed: it takes nothing back.
""".strip()


def progress(order: str, board: ProgressTracker, draft: Draft, turns: RequestQueue) -> Progress:
    """Return what a run is doing, as data."""
    return Progress(
        order=order,
        request=board.current.request,
        kind=board.current.kind,
        summary=board.current.summary,
        steps=tuple(board.current.steps),
        queued=turns.waiting,
        draft_open=draft.open,
        expires_at=draft.expires_at,
        undo_count=len(draft.undo_summaries),
        stuck=board.stuck,
    )


def update_search_attributes(board: ProgressTracker, draft: Draft) -> None:
    """Bring the search attributes up to date once a request was served: one history event, of what has changed."""
    updates: list[SearchAttributeUpdate[Any]] = []
    if draft.status:
        updates.append(ORDER_STATE.value_set(draft.status))
    if board.current.kind:
        updates.append(CHANGE_KIND.value_set(board.current.kind))
    if draft.price_difference:
        updates.append(PRICE_DIFF_MINOR.value_set(draft.price_difference.minor))
    if draft.correlation_id:
        updates.append(CORRELATION_ID.value_set(draft.correlation_id))
    if draft.channel:
        updates.append(CHANNEL.value_set(draft.channel))
    known = workflow.info().typed_search_attributes
    changed = [update for update in updates if known.get(update.key) != update.value]
    # Always said, so that there always is an event: what was recorded before is replayed alike.
    expires = DRAFT_EXPIRES.value_set(draft.expires_at) if draft.expires_at else DRAFT_EXPIRES.value_unset()
    workflow.upsert_search_attributes([*changed, expires])


def details(board: ProgressTracker, draft: Draft, turns: RequestQueue) -> str:
    """Return the Markdown page of a run: asked, done, costs, waits for, until when."""
    lines = _stuck(board.stuck) if board.stuck else []
    lines += [_request_line(board.current), ""]
    lines += ["| | |", "|---|---|", *(f"| {name} | {said} |" for name, said in _facts(draft, turns)), ""]
    lines += ["| step | what | |", "|---|---|---|"]
    lines += [f"| {step.step} | {step.description} | {step.state} |" for step in board.current.steps]
    if board.previous:
        lines += ["", "**Before that**", "", *(f"- {_request_line(shown)}" for shown in board.previous)]
    return "\n".join([*lines, "", _HELP])


def _request_line(shown: RequestProgress) -> str:
    asked = f": {shown.summary}" if shown.summary else ""
    return f"**{shown.kind}**{asked} — **{shown.ended or 'under way'}** ({shown.request})"


def _facts(draft: Draft, turns: RequestQueue) -> Iterator[tuple[str, str]]:
    if draft.price_difference is not None:
        yield "costs", f"{draft.price_difference.display} against the confirmed version"
    if draft.amount_due is not None:
        yield "still owed", draft.amount_due.display
    if turns.waiting:
        yield "waits for", f"this request; {turns.waiting} more wait for their turn"
    elif not turns.idle:
        yield "waits for", "the step under way"
    elif draft.open and draft.expires_at:
        until = f"{draft.expires_at:%Y-%m-%d %H:%M:%S} UTC"
        yield "waits for", f"a change, a payment or the confirmation, until {until}; then all of it is taken back"
    else:
        yield "waits for", "nothing: no draft is open"
    if draft.undo_summaries:
        yield "a discard would undo", "; ".join(draft.undo_summaries[:MAX_SHOWN])


def _stuck(stuck: StuckStep) -> list[str]:
    since = f"{stuck.since:%Y-%m-%d %H:%M:%S} UTC"
    return [
        f"### Needs attention: {stuck.code}",
        "",
        f"Since {since} **{stuck.step}** ({stuck.description}) keeps failing. It is tried again at least every minute.",
        "",
        *(f"- left: {word}" for word in stuck.unsettled),
        "",
        "Send the update `retry_now`, or `done_by_hand` once it was done at the provider.",
        "",
    ]
