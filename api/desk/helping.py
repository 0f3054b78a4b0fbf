"""Helping a stuck step: what it would do, and doing it by the same function as the API."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool

from api.attention import Help, NothingStuckError, help_order, progress_of
from api.desk.deeds import Deed
from api.desk.guard import key_of
from api.desk.orders import head_of
from api.desk.waiting import StuckStep, stuck_step
from api.parts import ApiParts
from api.problems import ProblemError
from domain.model import clean_text
from workflows.messages import Progress

LONGEST_REASON = 200
_UNASKED = "tried again at the desk"


class ReasonError(Exception):
    """The reason given is none: the text says why."""


async def look(made: ApiParts, number: str, how: Help) -> Deed:
    """Return what helping would do now. Raises ORDER_NOT_FOUND."""
    (progress,) = await progress_of(made.engine, [number])
    event, stuck = await run_in_threadpool(_stuck, made, number, progress)
    act, what = how.replace("_", "-"), f"“{stuck.what}” of {number}" if stuck else "the stuck step"
    hindrance = None if stuck else "No step of this order is stuck, or its workflow could not be asked."
    if how is Help.RETRY_NOW:
        does = [f"{what} is tried again at once, under the same key: it happens once however often it is tried."]
        return Deed(number, act, "Try again now", "Try again now", does, event, hindrance, wants_reason=True)
    does = [
        f"{what} is taken for done at its provider. The provider is not asked any more.",
        "Our own books are mended, and the change goes on to its end.",
        "If it was not done there, money or seats are wrong from now on: look before you say so.",
        "The reason is recorded on the order and in Temporal, for ever. No names, please.",
    ]
    if stuck and stuck.key:
        does.insert(1, f"The provider knows it under the key {stuck.key}.")
    return Deed(
        number,
        act,
        "Say it was done by hand",
        "It was done by hand",
        does,
        event,
        hindrance,
        grave=True,
        wants_reason=True,
    )


def _stuck(made: ApiParts, number: str, progress: Progress | None) -> tuple[int, StuckStep | None]:
    with made.store.read() as tx:
        head = head_of(tx, number)
        return head.last_event, stuck_step(tx, number, progress) if progress else None


async def help_(made: ApiParts, number: str, how: Help, fields: Mapping[str, str]) -> None:
    """Help an order's stuck step. Raises ReasonError, ORDER_NOT_FOUND, NOTHING_STUCK, and EngineUnreachableError."""
    reason, key = _reason(how, fields.get("reason", "")), key_of(fields)
    await run_in_threadpool(_stuck, made, number, None)
    try:
        await help_order(made.engine.client, number, how, reason, f"{how}/{key}")
    except NothingStuckError:
        raise ProblemError("NOTHING_STUCK") from None


def _reason(how: Help, text: str) -> str:
    if not text.strip() and how is Help.RETRY_NOW:
        return _UNASKED
    try:
        reason = clean_text(text)
    except ValueError as error:
        raise ReasonError(f"A reason {error}.") from None
    if len(reason) > LONGEST_REASON:
        raise ReasonError(f"A reason has at most {LONGEST_REASON} characters.")
    return reason
