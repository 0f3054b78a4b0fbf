"""Runs adjacent steps of a request in one transaction: all of them happen, or none.

A group follows the request's flow from its beginning: a step that is recorded gives its recorded result, any other one
runs, up to the end or to a step at an external provider. Every step keeps a record of its own, so a group whose answer
was lost is continued step by step under the same keys (workflows/saga/saga.py).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlmodel import Session

from activities.flows import FLOWS, plan_command
from activities.outcomes import RECORD_OUTCOME, RecordOutcomeCommand
from activities.plans import PlanChangeResult, claim, leaves_to_newer_worker, record_operator_request
from activities.recovery import recorded_step
from activities.support.errors import WithdrawnError, dump_refusal
from activities.support.flow import (
    EndedRequest,
    Flow,
    GroupCommand,
    GroupResult,
    UndoStepsCommand,
    WithdrawGroupResult,
)
from activities.support.group_transaction import GroupRefusedError, GroupTransaction
from activities.support.planning_context import OrderMovedOnError
from activities.support.registry import define_activity, reversible
from activities.support.step_context import StepContext
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Nothing
from activities.support.step_metrics import StepTimer
from domain.changes import ChangeState
from domain.orders import OrderStatus
from store.changes import changes, step_records, unfinished
from store.changes.step_records import LockedChange, StepState
from store.database.connections import StoreBusyError
from store.database.store import after_commit
from store.orders.orders import write_order
from temporal.names import UNDO_STEPS, WITHDRAW_GROUP, StepName, step_key

MAX_CATALOGUE_READS = 3
"""How often an external catalogue is read for a group while the order keeps changing."""


class GroupRunner:
    """Runs the groups of requests."""

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self._store = context.store

    def run(self, flow: Flow, command: GroupCommand) -> GroupResult:
        """Run the steps that come next, up to the end of the flow or to an external step.

        A refusal is part of the result, and recorded under the step that was refused; nothing else happened then.
        Raises NewerWorkerNeededError, WithdrawnError when the group, or a step in it, was withdrawn, and any fault,
        after which nothing has happened unless the commit's answer was lost.
        """
        with leaves_to_newer_worker(self.context, command.change):
            for _ in range(MAX_CATALOGUE_READS):
                self._read_ahead(command)
                try:
                    result = self._run_or_refuse(flow, command)
                except OrderMovedOnError:
                    continue
                if result is not None:
                    return result
        raise StoreBusyError

    def withdraw(self, command: GroupCommand) -> WithdrawGroupResult:
        """Withdraw the request's groups: one that arrives late does nothing. Return what they did before.

        Of a request that may have passed its point of no return nothing is returned as to be undone.
        """
        with self._store.write() as tx:
            locked = step_records.lock_order_and_change(tx, command.order, command.change)
            step_records.withdraw_group(tx, locked.order.tenant, command, self._store.now())
            passed = _may_be_settled(locked, command.change)
            done = [] if passed else unfinished.reversible_of_change(tx, command.change)
            steps = tuple(map(recorded_step, done))
            return WithdrawGroupResult(ended=_outcome(locked), steps=steps, may_be_settled=passed)

    def _read_ahead(self, command: GroupCommand) -> None:
        """Read an external catalogue before the transaction, for the steps that plan and price."""
        if command.known or not self.context.offers.external:
            return
        with self._store.write() as tx:
            locked = step_records.lock_order_and_change(tx, command.order, command.change)
            if _outcome(locked) is not None or locked.group_withdrawn:
                return
            claimed = self._claim(tx, locked, command)
            write_order(tx, locked.order)
        if claimed.already_ended is None and not claimed.recovery_required:
            self.context.planning.read_ahead(command.order, command.change)

    def _run_or_refuse(self, flow: Flow, command: GroupCommand) -> GroupResult | None:
        """Run the steps, or record the refusal of one; None when another attempt has got in between."""
        try:
            with self._store.write() as tx:
                return self._run_in(tx, flow, command)
        except GroupRefusedError as refused:
            return self._record_refusal(command, refused)

    def _run_in(self, tx: Session, flow: Flow, command: GroupCommand) -> GroupResult:
        locked = step_records.lock_order_and_change(tx, command.order, command.change)
        ended = _outcome(locked)
        if ended is not None:
            return GroupResult(ended=ended)
        if locked.group_withdrawn:
            raise WithdrawnError
        claimed = self._claim(tx, locked, command)
        if claimed.already_ended is not None:
            return GroupResult(ended=_ended(locked, claimed.already_ended, claimed.code))
        group = GroupTransaction(self.context, tx, locked, flow.start(command), claimed)
        if not claimed.recovery_required:
            group.follow()
            group.record_done()
        return group.result.model_copy(update={"may_be_settled": _may_be_settled(locked, command.change)})

    def _claim(self, tx: Session, locked: LockedChange, command: GroupCommand) -> PlanChangeResult:
        """Claim the request, if this is its first group in a run. Raises NewerWorkerNeededError."""
        if locked.change is not None:
            changes.require_known(locked.change)
        if command.known:
            return PlanChangeResult()
        return claim(self.context, tx, locked.order, plan_command(command))

    def _record_refusal(self, command: GroupCommand, refused: GroupRefusedError) -> GroupResult | None:
        """Record a refusal, unless another attempt has done or withdrawn the step meanwhile; then return None."""
        with self._store.write() as tx:
            locked = step_records.lock_order_and_change(tx, command.order, command.change)
            ended = _outcome(locked)
            if ended is not None:
                return GroupResult(ended=ended)
            record = locked.records.get(refused.command.key)
            if locked.group_withdrawn or (record is not None and step_records.undo_begun(record.state)):
                raise WithdrawnError
            if record is not None and record.state == StepState.DONE and record.refusal is None:
                return None
            claimed = self._claim(tx, locked, command)
            if record is None or record.refusal is None:
                self._write_refusal(tx, locked, command, refused)
            result = GroupResult(
                refused=refused.refusal.code,
                refused_step=refused.command.step,
                open_draft=claimed.open_draft,
                plan=refused.plan,
                ended=self._end_refused(tx, locked, command, refused) if command.alone else None,
            )
            write_order(tx, locked.order)
            return result

    def _write_refusal(
        self, tx: Session, locked: LockedChange, command: GroupCommand, refused: GroupRefusedError
    ) -> None:
        """Record the refusal, and what was found before it: the checks that passed, with their plan and quote."""
        now, key = self._store.now(), refused.command.key
        checks = [each for each in refused.checks if each.record.command.key not in locked.records]
        done = [(each.record, each.result) for each in checks]
        step_records.record_all_done(tx, locked.order.tenant, done, locked.latest, now)
        for each in checks:
            after_commit(tx, each.timer.observe_done)
        changes.record_findings(
            tx, command.change, plan=refused.findings.get("plan"), quote=refused.findings.get("quote")
        )
        if key not in locked.records:
            step_records.record_started(tx, locked.order.tenant, refused.record, now)
        step_records.finish(tx, key, None, dump_refusal(refused.refusal), now)
        if refused.plan is not None and not command.known:
            record_operator_request(tx, locked.order, changes.existing(tx, command.change), now)

    def _end_refused(
        self, tx: Session, locked: LockedChange, command: GroupCommand, refused: GroupRefusedError
    ) -> EndedRequest:
        outcome = RecordOutcomeCommand(
            change=command.change, order=command.order, state=ChangeState.REFUSED, code=refused.refusal.code
        )
        recorded = RECORD_OUTCOME.record(self.context, tx, locked.order, outcome, None)
        return EndedRequest(state=recorded.state, code=recorded.code, status=recorded.status)


def _outcome(locked: LockedChange) -> EndedRequest | None:
    """Return the outcome that the request has already, with the order's present status."""
    row = locked.change
    outcome = changes.outcome_of(row) if row is not None and row.order_number == locked.order.number else None
    return _ended(locked, outcome.state, outcome.code) if outcome else None


def _may_be_settled(locked: LockedChange, change: str) -> bool:
    """Whether a request has passed its point of no return, or it is not known whether it has."""
    record = locked.records.get(step_key(change, StepName.SETTLE_PRICE_DIFFERENCE))
    return record is not None and record.state in (StepState.STARTED, StepState.DONE) and record.refusal is None


def _ended(locked: LockedChange, state: ChangeState, code: str | None) -> EndedRequest:
    return EndedRequest(state=state, code=code, status=OrderStatus(locked.order.status))


def undo_together(executor: StepExecutor, command: UndoStepsCommand) -> Nothing:
    """Undo steps of our own database in one transaction: all of them are undone, or none."""
    with executor.context.store.write() as tx:
        for each in command.undos:
            step = reversible()[each.step]
            timer = StepTimer(step.undo_name)
            with timer:
                executor.undo(step, step.command_type.model_validate(each.command))
            after_commit(tx, timer.observe_done)
    return Nothing()


def group_activities(context: StepContext) -> list[Callable[..., Any]]:
    """Return the activities of all groups, the one that withdraws them, and the one that undoes steps together."""
    runner, executor = GroupRunner(context), StepExecutor(context)
    groups = [define_activity(flow.name, GroupCommand, GroupResult, partial(runner.run, flow)) for flow in FLOWS]
    withdraw = define_activity(WITHDRAW_GROUP, GroupCommand, WithdrawGroupResult, runner.withdraw)
    return [*groups, withdraw, define_activity(UNDO_STEPS, UndoStepsCommand, Nothing, partial(undo_together, executor))]
