"""Which move of a settlement is next is decided by the states of its moves alone, so that a crash changes nothing."""

from dataclasses import dataclass

import pytest

from domain.moves import MoveState, next_move
from domain.refusals import PaymentRefused, RefundRefused, Refusal
from domain.settlement import MoveKind

PLANNED, STARTED, DONE, PENDING, REFUSED, FAILED = MoveState
CAPTURE, REFUND, OWE, VOID = MoveKind.CAPTURE, MoveKind.REFUND, MoveKind.OWE, MoveKind.VOID


@dataclass
class Move:
    kind: str
    state: str
    back: bool = False


def test_a_move_without_an_answer_comes_before_those_behind_it() -> None:
    moves = [Move(CAPTURE, DONE), Move(CAPTURE, STARTED), Move(CAPTURE, PLANNED)]
    assert next_move(moves) is moves[1]


def test_when_all_are_made_nothing_is_next() -> None:
    assert next_move([Move(REFUND, DONE), Move(REFUND, PENDING), Move(VOID, DONE)]) is None
    assert next_move([]) is None


def test_a_refund_instead_of_a_refused_one_is_made_before_what_is_owed_and_what_is_voided() -> None:
    moves = [Move(REFUND, DONE), Move(REFUND, REFUSED), Move(VOID, PLANNED), Move(OWE, PLANNED), Move(REFUND, PLANNED)]
    assert next_move(moves) is moves[4]
    moves[4].state = DONE
    assert next_move(moves) is moves[3]
    moves[3].state = DONE
    assert next_move(moves) is moves[2]


def test_once_a_capture_is_refused_the_ones_before_it_go_back_and_none_goes_forward() -> None:
    back = Move(REFUND, PLANNED, back=True)
    moves = [Move(CAPTURE, DONE), back, Move(CAPTURE, REFUSED), Move(CAPTURE, PLANNED), Move(VOID, PLANNED)]
    assert next_move(moves) is back
    back.state = STARTED
    assert next_move(moves) is back
    for state in (DONE, PENDING):
        back.state = state
        with pytest.raises(PaymentRefused):
            next_move(moves)


@pytest.mark.parametrize(
    ("states", "refusal"),
    [
        ((REFUSED, REFUSED), RefundRefused),
        ((REFUSED, DONE), None),
        ((REFUSED, PENDING), None),
        ((REFUSED, FAILED), None),
    ],
)
def test_refunds_are_refused_only_if_no_payment_takes_any(
    states: tuple[str, ...], refusal: type[Refusal] | None
) -> None:
    moves = [*(Move(REFUND, state) for state in states), Move(OWE, PLANNED), Move(VOID, PLANNED)]
    if refusal is None:
        assert next_move(moves) is moves[-2]
        return
    with pytest.raises(refusal):
        next_move(moves)


def test_in_a_reversal_what_no_payment_takes_is_owed() -> None:
    moves = [Move(REFUND, REFUSED), Move(OWE, PLANNED)]
    assert next_move(moves, may_be_refused=False) is moves[1]
