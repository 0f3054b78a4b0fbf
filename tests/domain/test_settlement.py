"""After a settlement exactly the amount due has been paid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.refusals import BalanceNotZero
from domain.settlement import Move, MoveKind, Payment, paid, settlement
from tests.domain.makers import authorised, captured, nok


@st.composite
def payments(draw: st.DrawFn) -> list[Payment]:
    drawn = []
    for number in range(draw(st.integers(0, 5))):
        amount = draw(st.integers(1, 50_000))
        refunded = draw(st.integers(0, amount))
        key = f"C{number}/authorise_payment"
        drawn.append(draw(st.sampled_from([authorised(amount, key), captured(amount, key, refunded)])))
    return drawn


def after(all_payments: list[Payment], moves: list[Move]) -> list[Payment]:
    by_key = {each.key: each for each in all_payments}
    for move in moves:
        before = by_key[move.payment]
        changes: dict[MoveKind, dict[str, object]] = {
            MoveKind.CAPTURE: {"captured": before.captured + move.amount, "open": False},
            MoveKind.VOID: {"open": False},
            MoveKind.REFUND: {"refunded": before.refunded + move.amount},
        }
        by_key[move.payment] = before.model_copy(update=changes[move.kind])
    return list(by_key.values())


@given(payments(), st.integers(0, 200_000))
def test_exactly_the_amount_due_has_been_paid_or_it_is_refused(all_payments: list[Payment], due: int) -> None:
    if paid(all_payments, "NOK") < nok(due):
        with pytest.raises(BalanceNotZero):
            settlement(nok(due), all_payments)
        return
    moves = settlement(nok(due), all_payments)
    settled = after(all_payments, moves)
    assert paid(settled, "NOK") == nok(due)
    assert not any(each.open for each in settled)
    assert all(nok(0) <= each.refunded <= each.captured <= each.authorised for each in settled)
    assert all(move.amount.minor > 0 for move in moves)
    assert len({(move.payment, move.kind) for move in moves}) == len(moves)


def test_a_refund_goes_to_the_newest_payment_first() -> None:
    moves = settlement(nok(100), [captured(300, "old"), captured(200, "new")])
    assert [(move.payment, move.amount.minor) for move in moves] == [("new", 200), ("old", 200)]


def test_no_more_is_captured_than_is_due_and_the_rest_is_voided() -> None:
    moves = settlement(nok(150), [authorised(100, "a"), authorised(100, "b"), authorised(100, "c")])
    assert [(move.payment, move.kind, move.amount.minor) for move in moves] == [
        ("a", MoveKind.CAPTURE, 100),
        ("b", MoveKind.CAPTURE, 50),
        ("c", MoveKind.VOID, 100),
    ]


def test_a_difference_of_zero_moves_nothing() -> None:
    assert settlement(nok(500), [captured(500)]) == []
