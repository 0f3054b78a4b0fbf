"""What operators see of a run in the Temporal Web UI. Plain words, codes and amounts, no people."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from workflows.board import Board
from workflows.draft import Draft
from workflows.messages import Progress, Stuck
from workflows.names import CHANGE_KIND, CORRELATION_ID, DRAFT_EXPIRES, ORDER_STATE, PRICE_DIFF_MINOR
from workflows.turns import Turns


def progress(order: str, board: Board, draft: Draft, turns: Turns) -> Progress:
    """Return what a run is doing, as data."""
    return Progress(
        order=order,
        request=board.request,
        kind=board.kind,
        steps=tuple(board.steps),
        waiting=turns.waiting,
        draft_open=draft.open,
        expires_at=draft.expires_at,
        undos=draft.undos,
        stuck=board.stuck,
    )


def show(board: Board, draft: Draft) -> None:
    """Bring the search attributes up to date once a request was served: one history event."""
    updates: list[SearchAttributeUpdate[Any]] = []
    if draft.status:
        updates.append(ORDER_STATE.value_set(draft.status))
    if board.kind:
        updates.append(CHANGE_KIND.value_set(board.kind))
    if draft.price_difference:
        updates.append(PRICE_DIFF_MINOR.value_set(draft.price_difference.minor))
    updates.append(DRAFT_EXPIRES.value_set(draft.expires_at) if draft.expires_at else DRAFT_EXPIRES.value_unset())
    if draft.correlation_id:
        updates.append(CORRELATION_ID.value_set(draft.correlation_id))
    workflow.upsert_search_attributes(updates)


def details(board: Board, draft: Draft, turns: Turns) -> str:
    """Return the Markdown page of a run: asked, done, costs, waits for, until when."""
    lines = [f"**{board.kind}** {board.request or ''}", ""]
    if draft.price_difference is not None:
        lines += [f"Price difference: {draft.price_difference} {draft.price_difference.currency}", ""]
    if board.stuck:
        lines += _stuck(board.stuck)
    lines += ["| step | what | state |", "|---|---|---|"]
    lines += [f"| {step.step} | {step.what} | {step.state} |" for step in board.steps]
    lines += ["", _waits_for(draft, turns)]
    return "\n".join(lines)


def _stuck(stuck: Stuck) -> list[str]:
    since = f"{stuck.since:%Y-%m-%d %H:%M:%S} UTC"
    return [
        f"**Needs attention** since {since}: {stuck.what} keeps failing with {stuck.code}",
        "",
        *(f"- {word}" for word in stuck.left),
        "",
        "Send `retry_now`, or `done_by_hand` once it was done at the provider.",
        "",
    ]


def _waits_for(draft: Draft, turns: Turns) -> str:
    if turns.waiting:
        return f"{turns.waiting} more requests wait for their turn."
    if draft.open and draft.expires_at:
        return f"Waits for changes, a payment or the confirmation until {draft.expires_at:%Y-%m-%d %H:%M:%S} UTC."
    return "Nothing is open."
