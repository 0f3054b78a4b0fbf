"""Records the answers to moves: each is entered in the ledger in the transaction that marks it as made."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from activities.support.errors import RefusedTooLateError
from activities.support.move_answers import Answer, Made
from domain.money import Money, total
from domain.moves import OPEN, MoveState
from domain.refusals import RefundRefused
from domain.settlement import Move, MoveKind, moves_instead
from store.orders import ledger, moves
from store.orders.events import Data, EventType, append, append_once
from store.tables import MoveRow, OrderRow

_EVENTS = {
    MoveKind.CAPTURE: EventType.PAYMENT_CAPTURED,
    MoveKind.REFUND: EventType.PAYMENT_REFUNDED,
    MoveKind.VOID: EventType.PAYMENT_VOIDED,
    MoveKind.OWE: EventType.REFUND_OWED,
}


def amount_data(amount: Money) -> Data:
    """Return an amount as an event has it."""
    return {"amount": str(amount), "currency": amount.currency}


def record_answer(
    tx: Session,
    order: OrderRow,
    rows: Sequence[MoveRow],
    row: MoveRow,
    answer: Answer,
    now: datetime,
    *,
    elsewhere: bool,
) -> list[MoveRow]:
    """Record the answer to one of a step's moves; return the moves that it adds.

    A capture that is refused adds the ways back of those before it. A refund that is refused adds refunds to the other
    payments if it may go `elsewhere`, and what is owed. Raises RefusedTooLateError for a way back that is refused.
    """
    if isinstance(answer, Made):
        _record_made(tx, order, row, answer, now)
        return []
    if row.back:
        raise RefusedTooLateError(RefundRefused.code)
    row.state = MoveState.REFUSED
    if row.kind == MoveKind.CAPTURE:
        if answer.ended:
            record_lost(tx, order, row.payment, row.change, f"{row.key}/lost", now)
        return moves.plan_ways_back(rows)
    return _record_declined(tx, order, rows, row, now, elsewhere=elsewhere)


def _record_made(tx: Session, order: OrderRow, row: MoveRow, answer: Made, now: datetime) -> None:
    """Mark a move as made, and enter it in the ledger."""
    move = moves.move_of(row)
    row.state = MoveState.PENDING if answer.pending else MoveState.DONE
    ledger.record_move(tx, order, row.key, row.change, move, now, answer.reference)
    append(tx, order, _EVENTS[move.kind], row.change, now, amount_data(move.amount))


def record_lost(tx: Session, order: OrderRow, key: str, change: str, entry: str, now: datetime) -> None:
    """Record that an open authorisation has ended by itself: what it paid for is owed again.

    `key` is the key of the authorisation, `entry` that of the ledger's entry.
    """
    payment = ledger.find_payment(tx, key)
    if payment is not None and payment.open:
        lost = Move(kind=MoveKind.LOST, payment=key, amount=Money(payment.authorised_minor, order.currency))
        ledger.record_move(tx, order, entry, change, lost, now)
        append(tx, order, EventType.AUTHORISATION_LOST, change, now, amount_data(lost.amount))


def _record_declined(
    tx: Session, order: OrderRow, rows: Sequence[MoveRow], row: MoveRow, now: datetime, *, elsewhere: bool
) -> list[MoveRow]:
    declined = moves.move_of(row)
    about = {"payment": row.payment, **amount_data(declined.amount)}
    append_once(tx, order, EventType.REFUND_DECLINED, row.change, now, about)
    instead = [Move(kind=MoveKind.OWE, payment=row.payment, amount=declined.amount)]
    if elsewhere:
        refunds = [each for each in rows if each.kind == MoveKind.REFUND]
        refusing = {each.payment for each in refunds if each.state == MoveState.REFUSED}
        waiting = [moves.move_of(each) for each in refunds if each.state in OPEN]
        promised = {
            payment: total((each.amount for each in waiting if each.payment == payment), row.currency)
            for payment in {each.payment for each in waiting}
        }
        payments = ledger.payments_of(tx, order.number, row.currency)
        instead = moves_instead(declined, payments, refusing, promised)
    return moves.plan(order, row.change, row.step, instead, after=max(each.number for each in rows))


def record_refund_failed(tx: Session, order: OrderRow, row: MoveRow, now: datetime) -> None:
    """Record that a pending refund was not paid: it is taken off again, and owed to the customer."""
    row.state = MoveState.FAILED
    move = moves.move_of(row)
    for kind, name in ((MoveKind.REFUND_FAILED, "failed"), (MoveKind.OWE, "owed")):
        entry = Move(kind=kind, payment=move.payment, amount=move.amount)
        ledger.record_move(tx, order, f"{row.key}/{name}", row.change, entry, now)
    about = {"payment": row.payment, **amount_data(move.amount)}
    append(tx, order, EventType.REFUND_FAILED, row.change, now, about)
    append(tx, order, EventType.REFUND_OWED, row.change, now, amount_data(move.amount))
