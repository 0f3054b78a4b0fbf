"""The moves of settlements and reversals: written before the first is made, and each with a state of its own."""

from collections.abc import Sequence

from sqlalchemy import literal_column
from sqlmodel import Session, col, func, select

from domain.money import Money, total
from domain.moves import MoveState
from domain.settlement import Move, MoveKind
from store.database.inserts import insert_all
from store.tables import MoveRow, OrderRow
from temporal.names import back_key, numbered_key


def plan(order: OrderRow, change: str, step: str, moves: Sequence[Move], after: int = 0) -> list[MoveRow]:
    """Return the rows of moves that a step is to make, numbered after those that it has already."""
    return [
        MoveRow(
            tenant=order.tenant,
            order_number=order.number,
            change=change,
            step=step,
            number=number,
            key=numbered_key(change, step, number),
            kind=move.kind,
            payment=move.payment,
            amount_minor=move.amount.minor,
            currency=move.amount.currency,
            state=MoveState.PLANNED,
        )
        for number, move in enumerate(moves, start=after + 1)
    ]


def plan_ways_back(moves: Sequence[MoveRow]) -> list[MoveRow]:
    """Return the rows of the refunds of every capture among a step's moves that is made."""
    captures = [each for each in moves if each.kind == MoveKind.CAPTURE and each.state == MoveState.DONE]
    changed = {"back": True, "kind": MoveKind.REFUND, "state": MoveState.PLANNED}
    return [MoveRow(**each.model_dump() | changed | {"key": back_key(each.key)}) for each in captures]


def insert(tx: Session, rows: Sequence[MoveRow]) -> None:
    """Write moves by one statement."""
    insert_all(tx, MoveRow, [row.model_dump() for row in rows])


def of_step(tx: Session, change: str, step: str) -> list[MoveRow]:
    """Return the moves of a step, in the order of their numbers. Its order is locked if they are to be changed."""
    of_change = (MoveRow.change == change, MoveRow.step == step)
    return list(tx.exec(select(MoveRow).where(*of_change).order_by(col(MoveRow.number), col(MoveRow.back))))


def pending(tx: Session, limit: int, part: int = 0, of: int = 1) -> list[MoveRow]:
    """Return refunds that their provider has accepted and not paid yet, at most so many.

    They are in the order of their keys, beginning where this part of all of them begins; the first follow the last.
    """
    # The state is a literal: SQLite uses a partial index only if the query repeats its condition literally.
    is_pending = col(MoveRow.state) == literal_column("'pending'")
    count = tx.exec(select(func.count()).select_from(MoveRow).where(is_pending)).one()
    first, taken = count * part // of, min(count, limit)
    query = select(MoveRow).where(is_pending).order_by(col(MoveRow.key))
    rows = list(tx.exec(query.offset(first).limit(taken)))
    return rows + list(tx.exec(query.limit(taken - len(rows)))) if len(rows) < taken else rows


def without_answer(tx: Session, order: str) -> list[Move]:
    """Return the moves of an order that a provider was asked for and has not answered."""
    # Likewise a literal.
    query = select(MoveRow).where(MoveRow.order_number == order, col(MoveRow.state) == literal_column("'started'"))
    return [move_of(row) for row in tx.exec(query)]


def of_key(tx: Session, key: str) -> MoveRow:
    """Return the move under a key."""
    return tx.get_one(MoveRow, key)


def move_of(row: MoveRow) -> Move:
    """Return a row as a move."""
    return Move(kind=MoveKind(row.kind), payment=row.payment, amount=Money(row.amount_minor, row.currency))


def sum_by_provider(rows: Sequence[MoveRow], currency: str) -> Money:
    """Return the sum of the moves that a provider makes, ways back and refused ones left out."""
    moves = (move_of(row) for row in rows if not row.back and row.state != MoveState.REFUSED)
    return total((each.amount for each in moves if each.by_provider), currency)


def sum_made(rows: Sequence[MoveRow], kind: MoveKind, currency: str) -> Money:
    """Return the sum of the moves of one kind that are made, ways back and refunds that failed later left out."""
    counted = (row for row in rows if row.kind == kind and not row.back and row.state in _COUNTED)
    return total((move_of(row).amount for row in counted), currency)


_COUNTED = (MoveState.DONE, MoveState.PENDING)
