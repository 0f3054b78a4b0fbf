"""After a settlement exactly the amount due has been paid, and money set aside counts only up to what is owed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.refusals import BalanceNotZero
from domain.settlement import (
    Move,
    MoveKind,
    Payment,
    balance_of,
    kept,
    moves_instead,
    pay_out,
    settlement,
    to_release,
    unpaid_refunds,
)
from tests.domain.makers import authorised, captured, nok

CAPTURE, VOID, REFUND, OWE, PAYOUT, REFUND_FAILED, LOST = MoveKind
dues = st.integers(0, 200_000)


@st.composite
def payments(draw: st.DrawFn) -> list[Payment]:
    drawn = []
    for number in range(draw(st.integers(0, 5))):
        amount = draw(st.integers(1, 50_000))
        refunded = draw(st.integers(0, amount))
        refund_owed = draw(st.sampled_from([0, draw(st.integers(0, amount - refunded))]))
        paid_out = draw(st.integers(0, refund_owed))
        key = f"C{number}/authorise_payment"
        past = captured(amount, key, refunded, refund_owed, paid_out)
        drawn.append(draw(st.sampled_from([authorised(amount, key), past])))
    return drawn


def after(all_payments: list[Payment], moves: list[Move]) -> list[Payment]:
    by_key = {each.key: each for each in all_payments}
    for move in moves:
        before = by_key[move.payment]
        changes: dict[MoveKind, dict[str, object]] = {
            CAPTURE: {"captured": before.captured + move.amount, "open": False},
            VOID: {"open": False},
            REFUND: {"refunded": before.refunded + move.amount},
            OWE: {"refund_owed": before.refund_owed + move.amount},
            PAYOUT: {"paid_out": before.paid_out + move.amount},
        }
        by_key[move.payment] = before.model_copy(update=changes[move.kind])
    return list(by_key.values())


def in_cash(all_payments: list[Payment]) -> int:
    """Return what the customer has paid and not been promised back, counted without the code under test."""
    return sum(each.captured.minor - each.refunded.minor - each.refund_owed.minor for each in all_payments)


def on_hold(all_payments: list[Payment]) -> int:
    return sum(each.authorised.minor for each in all_payments if each.open)


@given(payments(), dues)
def test_a_balance_is_what_remains_once_the_draft_is_confirmed(all_payments: list[Payment], due: int) -> None:
    cash, hold = in_cash(all_payments), on_hold(all_payments)
    if due > cash + hold:
        expected = due - cash - hold
    elif due >= cash:
        expected = 0
    else:
        expected = due - cash
    assert balance_of(nok(due), all_payments) == nok(expected)


@given(payments(), dues)
def test_what_is_let_go_is_what_no_capture_needs(all_payments: list[Payment], due: int) -> None:
    cash, hold = in_cash(all_payments), on_hold(all_payments)
    needed = min(max(due - cash, 0), hold)
    assert to_release(nok(due), all_payments) == nok(hold - needed)
    if due <= cash + hold:
        taken = [each.amount.minor for each in settlement(nok(due), all_payments) if each.kind is CAPTURE]
        assert sum(taken) == needed


@given(payments(), dues)
def test_exactly_the_amount_due_has_been_paid_or_it_is_refused(all_payments: list[Payment], due: int) -> None:
    if in_cash(all_payments) + on_hold(all_payments) < due:
        with pytest.raises(BalanceNotZero):
            settlement(nok(due), all_payments)
        return
    moves = settlement(nok(due), all_payments)
    settled = after(all_payments, moves)
    assert in_cash(settled) == due
    assert balance_of(nok(due), settled) == nok(0)
    assert not any(each.open for each in settled)
    assert all(nok(0) <= each.refunded + each.refund_owed <= each.captured <= each.authorised for each in settled)
    assert all(move.amount.minor > 0 for move in moves)
    assert len({(move.payment, move.kind) for move in moves}) == len(moves)
    assert {CAPTURE, REFUND} - {move.kind for move in moves}
    assert not {OWE, PAYOUT} & {move.kind for move in moves}


@given(payments(), dues, st.data())
def test_payments_that_refuse_are_passed_over_and_what_none_takes_is_owed(
    all_payments: list[Payment], due: int, data: st.DataObject
) -> None:
    bears = {each.key: each.refundable.minor for each in all_payments}
    to_pay_back = in_cash(all_payments) - due
    bearing = [key for key, amount in bears.items() if amount]
    if to_pay_back <= 0:
        return
    refusing = set(data.draw(st.lists(st.sampled_from(bearing), unique=True)))
    waiting = [each for each in settlement(nok(due), all_payments) if each.kind is REFUND]
    settled, refused, later = all_payments, set[str](), dict[str, int]()
    while waiting:
        move = waiting.pop(0)
        if move.payment not in refusing:
            settled = after(settled, [move])
            continue
        refused.add(move.payment)
        promised = {key: nok(sum(each.amount.minor for each in waiting if each.payment == key)) for key in bears}
        instead = moves_instead(move, settled, refused, promised)
        assert sum(each.amount.minor for each in instead) == move.amount.minor
        waiting += [each for each in instead if each.kind is REFUND]
        for each in instead:
            if each.kind is OWE:
                assert each.payment == move.payment
                later[each.payment] = later.get(each.payment, 0) + each.amount.minor
                settled = after(settled, [each])
    willing = sum(amount for key, amount in bears.items() if key not in refusing)
    back = sum(each.refunded.minor for each in settled) - sum(each.refunded.minor for each in all_payments)
    assert back == min(to_pay_back, willing)
    assert sum(later.values()) == to_pay_back - back
    assert in_cash(settled) == due
    assert all(nok(0) <= each.refunded + each.refund_owed <= each.captured for each in settled)


@given(payments(), st.data())
def test_what_is_paid_out_by_hand_is_no_longer_owed(all_payments: list[Payment], data: st.DataObject) -> None:
    before = unpaid_refunds(all_payments, "NOK")
    amount = data.draw(st.integers(0, before.minor))
    settled = after(all_payments, pay_out(all_payments, nok(amount)))
    assert unpaid_refunds(settled, "NOK") == nok(before.minor - amount)
    assert all(nok(0) <= each.paid_out <= each.refund_owed for each in settled)
    assert kept(settled, "NOK") == kept(all_payments, "NOK")
    with pytest.raises(ArithmeticError):
        pay_out(all_payments, nok(before.minor + 1))


def test_money_set_aside_counts_only_up_to_what_is_owed() -> None:
    # 299.00 paid; exchanged to 349.00, and 50.00 set aside; exchanged to 199.00, of which nothing is paid back.
    all_payments = [captured(29900), authorised(5000)]
    assert (balance_of(nok(34900), all_payments), to_release(nok(34900), all_payments)) == (nok(0), nok(0))
    assert (balance_of(nok(29900), all_payments), to_release(nok(29900), all_payments)) == (nok(0), nok(5000))


def test_money_set_aside_is_never_paid_back() -> None:
    assert balance_of(nok(19900), [captured(29900), authorised(5000)]) == nok(-10000)
    assert to_release(nok(19900), [captured(29900), authorised(5000)]) == nok(5000)


def test_money_set_aside_lowers_what_is_owed() -> None:
    assert balance_of(nok(39900), [captured(29900), authorised(6000)]) == nok(4000)


def test_a_refund_goes_to_the_newest_payment_first() -> None:
    moves = settlement(nok(100), [captured(300, "old"), captured(200, "new")])
    assert [(move.payment, move.amount.minor) for move in moves] == [("new", 200), ("old", 200)]


def instead(refused: Move, cards: list[Payment], *refusing: str, **promised: int) -> list[tuple[MoveKind, str, int]]:
    moves = moves_instead(
        refused, cards, {refused.payment, *refusing}, {key: nok(each) for key, each in promised.items()}
    )
    return [(each.kind, each.payment, each.amount.minor) for each in moves]


def refund(payment: str, minor: int) -> Move:
    return Move(kind=REFUND, payment=payment, amount=nok(minor))


def test_a_refund_that_one_payment_refuses_goes_to_the_others_up_to_what_they_bear() -> None:
    cards = [captured(300, "old"), captured(500, "newer"), captured(100, "newest")]
    assert instead(refund("newer", 450), cards) == [(REFUND, "newest", 100), (REFUND, "old", 300), (OWE, "newer", 50)]


def test_what_is_promised_to_a_payment_and_not_made_yet_is_not_promised_again() -> None:
    cards = [captured(300, "old"), captured(500, "new")]
    assert instead(refund("new", 200), cards, old=150) == [(REFUND, "old", 150), (OWE, "new", 50)]


def test_a_payment_that_has_refused_before_gets_nothing_of_it() -> None:
    cards = [captured(300, "old"), captured(200, "newer"), captured(100, "newest")]
    assert instead(refund("newer", 50), cards, "newest") == [(REFUND, "old", 50)]


def test_an_open_authorisation_takes_no_part_of_a_refund() -> None:
    cards = [captured(100, "old"), authorised(70, "open")]
    assert instead(refund("old", 100), cards) == [(OWE, "old", 100)]


def test_what_is_voided_is_voided_after_the_refunds() -> None:
    moves = settlement(nok(100), [captured(150, "old"), authorised(70, "open"), captured(200, "new")])
    assert [(each.kind, each.payment) for each in moves] == [(REFUND, "new"), (REFUND, "old"), (VOID, "open")]


def test_only_the_provider_s_moves_are_sent_to_it() -> None:
    assert [kind for kind in MoveKind if Move(kind=kind, payment="a", amount=nok(1)).by_provider] == [
        CAPTURE,
        VOID,
        REFUND,
    ]


def test_no_more_is_captured_than_is_due_and_the_rest_is_voided() -> None:
    moves = settlement(nok(150), [authorised(100, "a"), authorised(100, "b"), authorised(100, "c")])
    assert [(move.payment, move.kind, move.amount.minor) for move in moves] == [
        ("a", CAPTURE, 100),
        ("b", CAPTURE, 50),
        ("c", VOID, 100),
    ]


def test_a_difference_of_zero_moves_nothing() -> None:
    assert settlement(nok(500), [captured(500)]) == []
