"""The texts of a run in Temporal's Web UI, for operators: words, codes and amounts, never personal data."""

from collections.abc import Iterator
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from domain.wording import counted
from temporal.messages import Progress, StuckStep
from temporal.search_attributes import (
    CHANGE_KIND,
    CHANNEL,
    CORRELATION_ID,
    DRAFT_EXPIRES,
    ORDER_STATE,
    PRICE_DIFF_MINOR,
    keyword,
)
from workflows.draft import Draft
from workflows.request_queue import RequestQueue
from workflows.saga.progress import MAX_SHOWN, ProgressTracker, RequestProgress

_HELP = """
**What you can do: More Actions, Send an Update**

- `confirm`, `{"reason": "paid at the counter"}`: confirm the draft, when no amount is due
- `discard`, no data: undo the whole draft, as Request Cancellation does
- `extend`, `{"minutes": 30}`: set the deadline to that many minutes from now
- `retry_now`, no data: retry a stuck step at once
- `done_by_hand`, `{"reason": "refunded at the bank"}`: state that you did the stuck step at its provider
- `reseat`, `{"reason": "the seats are gone"}`: hold other seats for a change that is stuck after its payment
- `reverse`, `{"reason": "no seats are left"}`: refund such a change, and restore the confirmed version

Terminate is never needed: it undoes nothing.
""".strip()


def progress(order: str, tracker: ProgressTracker, draft: Draft, queue: RequestQueue) -> Progress:
    """Return the state of a run as data."""
    return Progress(
        order=order,
        request=tracker.current.request,
        kind=tracker.current.kind,
        summary=tracker.current.summary,
        steps=tuple(tracker.current.steps),
        queued=queue.waiting,
        draft_open=draft.open,
        expires_at=draft.expires_at,
        undo_count=len(draft.undo_summaries),
        stuck=tracker.stuck,
    )


def update_search_attributes(tracker: ProgressTracker, draft: Draft) -> None:
    """Upsert the search attributes that a request changed, as one history event."""
    updates: list[SearchAttributeUpdate[Any]] = []
    if draft.status:
        updates.append(ORDER_STATE.value_set(draft.status))
    if tracker.current.kind:
        updates.append(CHANGE_KIND.value_set(tracker.current.kind))
    if draft.price_difference:
        updates.append(PRICE_DIFF_MINOR.value_set(draft.price_difference.minor))
    if draft.correlation_id:
        updates.append(CORRELATION_ID.value_set(keyword(draft.correlation_id)))
    if draft.channel:
        updates.append(CHANNEL.value_set(draft.channel))
    known = workflow.info().typed_search_attributes
    changed = [update for update in updates if known.get(update.key) != update.value]
    # Always upsert DraftExpires: recorded histories contain this event, so skipping it would break replay.
    expires = DRAFT_EXPIRES.value_set(draft.expires_at) if draft.expires_at else DRAFT_EXPIRES.value_unset()
    workflow.upsert_search_attributes([*changed, expires])


def details(tracker: ProgressTracker, draft: Draft, queue: RequestQueue) -> str:
    """Return the Markdown page of a run: the request, its steps, amounts, what it waits for and until when."""
    lines = _stuck(tracker.stuck) if tracker.stuck else []
    lines += [_request_line(tracker.current), ""]
    lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in _facts(draft, queue)), ""]
    lines += ["| step | description | state |", "|---|---|---|"]
    lines += [f"| {step.step} | {step.description} | {step.state} |" for step in tracker.current.steps]
    if tracker.previous:
        lines += ["", "**Earlier requests**", "", *(f"- {_request_line(shown)}" for shown in tracker.previous)]
    return "\n".join([*lines, "", _HELP])


def _request_line(shown: RequestProgress) -> str:
    summary = f": {shown.summary}" if shown.summary else ""
    return f"**{shown.kind}**{summary} — **{shown.ended or 'in progress'}** ({shown.request})"


def _facts(draft: Draft, queue: RequestQueue) -> Iterator[tuple[str, str]]:
    if draft.price_difference is not None:
        yield "costs", f"{draft.price_difference.display} against the confirmed version"
    if draft.amount_due is not None:
        yield "amount due", draft.amount_due.display
    if queue.waiting:
        yield "waits for", f"the running request; {queue.waiting} more in the queue"
    elif not queue.idle:
        yield "waits for", "the step in progress"
    elif draft.open and draft.expires_at:
        until = f"{draft.expires_at:%Y-%m-%d %H:%M:%S} UTC"
        yield "waits for", f"a change, a payment or the confirmation, until {until}; then the draft expires"
    else:
        yield "waits for", "nothing: no draft is open"
    if draft.undo_summaries:
        yield "a discard would undo", "; ".join(draft.undo_summaries[:MAX_SHOWN])


def _stuck(stuck: StuckStep) -> list[str]:
    since = f"{stuck.since:%Y-%m-%d %H:%M:%S} UTC"
    return [
        f"### Needs attention: {stuck.code}",
        "",
        f"Since {since} **{stuck.step}** ({stuck.description}) keeps failing. It is retried at least every minute.",
        f"It had failed {counted(stuck.attempts, 'time')} when this was written.",
        "",
        *(f"- unsettled: {item}" for item in stuck.unsettled),
        "",
        "Send the update `retry_now`, or `done_by_hand` once you have done the step at its provider."
        if stuck.by_hand
        else "Send the update `retry_now`. The step is in our own database: there is nothing to do by hand.",
        "",
    ]
