"""The moves of a settlement, frozen before the first: which is next, and how they end.

A move is planned, then started, then done or refused. What is done is never done again, and what is refused is never
sent again. Of a capture that is refused the ones before it have a way back: each is refunded.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, TypeVar

from domain.refusals import PaymentRefused, RefundRefused
from domain.settlement import MoveKind


class MoveState(StrEnum):
    """The state of a move."""

    PLANNED = "planned"
    """Its provider was never asked."""
    STARTED = "started"
    """Its provider is being asked, or was asked and has not answered: its outcome is unknown."""
    DONE = "done"
    PENDING = "pending"
    """A refund that its provider has accepted and not paid yet. It counts as refunded."""
    REFUSED = "refused"
    FAILED = "failed"
    """A refund that was pending and was not paid: it is owed to the customer."""


OPEN = (MoveState.PLANNED, MoveState.STARTED)
MADE = (MoveState.DONE, MoveState.PENDING, MoveState.FAILED)


class StatedMove(Protocol):
    """The part of a move that decides which is next."""

    kind: str
    state: str
    back: bool
    """Whether it is the way back of a capture."""


M = TypeVar("M", bound=StatedMove)

# What is owed is known once every refund has its answer. A void comes last: what comes before it may be refused.
_PHASES = {MoveKind.CAPTURE: 0, MoveKind.REFUND: 1, MoveKind.OWE: 2, MoveKind.VOID: 3}


def next_move(moves: Sequence[M], *, may_be_refused: bool = True) -> M | None:
    """Return the move that comes next, in the order of their numbers; None when all are made.

    Raises PaymentRefused when a capture was refused and every way back is made, and RefundRefused when no payment has
    taken any part of a refund. `may_be_refused`: whether refunds that all refuse end like that, or are owed.
    """
    if any(each.kind == MoveKind.CAPTURE and each.state == MoveState.REFUSED for each in moves):
        back = next((each for each in moves if each.back and each.state in OPEN), None)
        if back is None:
            raise PaymentRefused
        return back
    still_open = (each for each in moves if each.state in OPEN)
    # Of equals the first stays first.
    following = min(still_open, key=lambda each: _PHASES[MoveKind(each.kind)], default=None)
    refunds_end = following is None or _PHASES[MoveKind(following.kind)] > _PHASES[MoveKind.REFUND]
    if may_be_refused and refunds_end and _all_refused(moves):
        raise RefundRefused
    return following


def _all_refused(moves: Sequence[StatedMove]) -> bool:
    """Whether refunds were refused, and none was made."""
    refunds = {each.state for each in moves if each.kind == MoveKind.REFUND}
    return MoveState.REFUSED in refunds and not refunds.intersection(MADE)
