"""Makes the moves of a settlement or of a reversal, one after another.

The list is frozen when the step is recorded as started, and never worked out again: after a crash another payment would
be the first. With an external provider each move is marked as started before its provider is asked, and as made in the
transaction that enters it in the ledger. With an embedded one all of it is one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from activities.support.by_hand import is_next_move_done, record_done_by_hand
from activities.support.errors import AnswersDifferError
from activities.support.move_answers import Answer, Declined, Made, ask_for_move, has_ended
from activities.support.move_records import record_answer
from activities.support.step_context import StepContext
from activities.support.step_kinds import Command
from domain.moves import OPEN, MoveState, next_move
from domain.refusals import PaymentRefused, Refusal
from domain.settlement import MoveKind
from store.orders import ledger, moves
from store.orders.events import EventType, append_once
from store.orders.ledger import References
from store.orders.orders import lock_order
from store.tables import MoveRow, OrderRow


@dataclass(frozen=True)
class MoveRunner:
    """Makes the moves of one step."""

    context: StepContext
    command: Command
    final: bool = False
    """Whether the step cannot be refused: then a refund that its payment refuses is owed, and goes nowhere else."""

    def make_embedded(
        self, tx: Session, order: OrderRow, rows: list[MoveRow], references: Mapping[str, References]
    ) -> list[MoveRow]:
        """Make moves at an embedded provider in the step's transaction; return all of them.

        A refused capture ends the transaction, so that nothing has to go back. Raises PaymentRefused and RefundRefused.
        """
        while (row := next_move(rows, may_be_refused=not self.final)) is not None:
            answer: Answer = Made()
            move = moves.move_of(row)
            if move.by_provider:
                payment = references[row.payment]
                answer = ask_for_move(self.context.payments, order.tenant, row.key, move, payment, unknown=False)
            if isinstance(answer, Declined) and move.kind is MoveKind.CAPTURE:
                raise PaymentRefused
            rows += self._record(tx, order, rows, row, answer)
        moves.insert(tx, rows)
        return rows

    def make_external(self, order: OrderRow) -> list[MoveRow]:
        """Make the frozen moves at an external provider, outside of any transaction; return all of them.

        Raises PaymentRefused once every way back is made, RefundRefused, and any fault: then the next attempt goes on
        with the move that has no answer.
        """
        if self.command.done_by_hand_reason is None:
            self._look_at_authorisations(order)
        answered: tuple[MoveRow, Answer] | None = None
        while True:
            with self.context.store.write() as tx:
                locked = lock_order(tx, order.number)
                rows = self._load(tx)
                differs = self._take(tx, locked, rows, *answered) if answered else None
                started = None if differs else self._start_next(tx, locked, rows)
            if differs:
                raise differs
            if isinstance(started, Refusal):
                raise started
            if started is None:
                return rows
            row, references, unknown = started
            answered = row, self._ask(order, row, references, unknown=unknown)

    def _load(self, tx: Session) -> list[MoveRow]:
        return moves.of_step(tx, self.command.change, self.command.step)

    def _record(
        self, tx: Session, order: OrderRow, rows: Sequence[MoveRow], row: MoveRow, answer: Answer
    ) -> list[MoveRow]:
        return record_answer(tx, order, rows, row, answer, self.context.store.now(), elsewhere=not self.final)

    def _take(
        self, tx: Session, order: OrderRow, rows: list[MoveRow], sent: MoveRow, answer: Answer
    ) -> AnswersDifferError | None:
        """Record an answer, unless another attempt has recorded it meanwhile; return that its answer was another."""
        row = next(each for each in rows if each.key == sent.key)
        if row.state in OPEN:
            self._add(tx, rows, self._record(tx, order, rows, row, answer))
        elif isinstance(answer, Made) == (row.state == MoveState.REFUSED):
            error = AnswersDifferError("made" if isinstance(answer, Made) else "refused", row.state)
            self._record_difference(tx, order, row.key, error)
            return error
        return None

    def _add(self, tx: Session, rows: list[MoveRow], added: Sequence[MoveRow]) -> None:
        tx.add_all(added)
        rows += added

    def _start_next(
        self, tx: Session, order: OrderRow, rows: list[MoveRow]
    ) -> tuple[MoveRow, References, bool] | Refusal | None:
        """Mark the next move as started; return it, and whether it was so before. A refusal is final, too."""
        by_hand = is_next_move_done(tx, self.command)
        while True:
            try:
                row = next_move(rows, may_be_refused=not self.final)
            except Refusal as refusal:
                return refusal
            if row is None:
                return None
            if moves.move_of(row).by_provider and not by_hand:
                break
            if moves.move_of(row).by_provider:
                by_hand = False
                now = self.context.store.now()
                record_done_by_hand(tx, order, self.command, self.command.step, now, row.number)
            self._add(tx, rows, self._record(tx, order, rows, row, Made()))
        payment = ledger.find_payment(tx, row.payment)
        if payment is None:
            raise LookupError("the payment was never authorised")
        unknown = row.state == MoveState.STARTED
        row.state = MoveState.STARTED
        tx.flush()
        return row, References(payment.reference, payment.capture_reference), unknown

    def _ask(self, order: OrderRow, row: MoveRow, references: References, *, unknown: bool) -> Answer:
        try:
            move = moves.move_of(row)
            return ask_for_move(self.context.payments, order.tenant, row.key, move, references, unknown=unknown)
        except AnswersDifferError as error:
            with self.context.store.write() as tx:
                self._record_difference(tx, lock_order(tx, order.number), row.key, error)
            raise

    def _record_difference(self, tx: Session, order: OrderRow, key: str, error: AnswersDifferError) -> None:
        record_difference(tx, order, self.command, key, error, self.context.store.now())

    def _look_at_authorisations(self, order: OrderRow) -> None:
        """Before the first of several captures, see that none of their authorisations has ended.

        A single capture answers that itself. Of several the earlier ones would have to be refunded.
        """
        with self.context.store.read() as tx:
            captures = [row for row in self._load(tx) if row.kind == MoveKind.CAPTURE]
        if len(captures) == 1 or any(row.state != MoveState.PLANNED for row in captures):
            return
        ended = [row.key for row in captures if has_ended(self.context.payments.find(order.tenant, row.payment))]
        if not ended:
            return
        with self.context.store.write() as tx:
            locked, rows = lock_order(tx, order.number), self._load(tx)
            if all(row.state == MoveState.PLANNED for row in rows):
                for row in rows:
                    if row.key in ended:
                        self._record(tx, locked, rows, row, Declined(ended=True))


def record_difference(
    tx: Session, order: OrderRow, command: Command, key: str, error: AnswersDifferError, now: datetime
) -> None:
    """Record both answers of a provider on a locked order, once."""
    both = {"step": command.step, "key": key, "answered": error.answered, "found": error.found}
    append_once(tx, order, EventType.ANSWERS_DIFFER, command.change, now, both)
