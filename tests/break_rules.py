"""Breaks each rule of the saga on purpose, in a copy, and checks that tests fail: python -m tests.break_rules [name]

The list is in docs/guarantees.md. A rule that can be broken without a failing test is not tested.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import ROOT

TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Rule:
    """A rule, how it is broken, and the tests that must fail then."""

    name: str
    file: str
    source: str
    broken: str
    watched_by: tuple[str, ...]


_MIXED_VERSIONS = ("tests/guarantees/test_mixed_versions.py", "-k")
RULES = (
    Rule(
        "an undo is noted after its step",
        "workflows/saga/saga.py",
        """        if isinstance(step, Reversible):
            self._note([Undo(step, command)])
        if until_known:
            return await self._runner.run_until_known(step, command)
        return await self._runner.run(step, command)
""",
        """        done = await self._runner.run(step, command)
        if isinstance(step, Reversible):
            self._note([Undo(step, command)])
        return done
""",
        ("tests/workflows/test_saga.py", "tests/guarantees/test_steps.py", "-k", "saga or LOST_FOR_GOOD"),
    ),
    Rule(
        "no tombstone",
        "store/changes/step_records.py",
        "    record.state, record.withdrawn_at = StepState.WITHDRAWN, record.withdrawn_at or now\n",
        """    if record.done_at is None:
        return tx.delete(record)
    record.state, record.withdrawn_at = StepState.WITHDRAWN, record.withdrawn_at or now
""",
        ("tests/activities/test_step_executor.py", "tests/guarantees/test_steps.py", "-k", "step_executor or LATE"),
    ),
    Rule(
        "no shield",
        "workflows/saga/cancellation.py",
        "    task = asyncio.ensure_future(step)\n",
        "    return await step, False\n    task = asyncio.ensure_future(step)\n",
        ("tests/workflows/test_saga.py", "tests/guarantees/test_cancel.py"),
    ),
    Rule(
        "undos as local activities",
        "workflows/saga/step_runner.py",
        "await ignore_cancellation(self._calls.queued(call, ATTENTION_AFTER))",
        "await ignore_cancellation(self._calls.local(call, LOCAL_ATTEMPTS))",
        ("tests/workflows/test_histories.py",),
    ),
    Rule(
        "expiry outside the queue",
        "workflows/order_draft.py",
        "                await ignore_cancellation(self._exclusively(self._expire))\n",
        "                await ignore_cancellation(self._expire())\n",
        ("tests/guarantees/test_expiry_boundaries.py", "-k", "end"),
    ),
    Rule(
        "a cancel unwinds at once",
        "workflows/order_draft.py",
        "                await ignore_cancellation(self._exclusively(self._cancel))\n",
        "                await ignore_cancellation(self._cancel())\n",
        ("tests/guarantees/test_cancel.py",),
    ),
    Rule(
        "a final step is refused",
        "activities/support/step_executor.py",
        "            if isinstance(step, Final):\n",
        "            if isinstance(step, Final) and not step.name:\n",
        ("tests/guarantees/test_refused_too_late.py",),
    ),
    Rule(
        "a group that was withdrawn runs when it arrives late",
        "activities/groups.py",
        """        if locked.group_withdrawn:
            raise WithdrawnError
        claimed""",
        "        claimed",
        ("tests/activities/test_groups.py", "tests/guarantees/test_groups.py", "-k", "withdrawal or late"),
    ),
    Rule(
        "a refusal is recorded although the step was done meanwhile",
        "activities/groups.py",
        """            if record is not None and record.state == StepState.DONE and record.refusal is None:
                return None
""",
        "",
        ("tests/activities/test_groups.py", "-k", "refus"),
    ),
    Rule(
        "a refusal is recorded although the request has ended meanwhile",
        "activities/groups.py",
        """            if ended is not None:
                return GroupResult(ended=ended)
            record =""",
        "            record =",
        ("tests/activities/test_groups.py", "-k", "refus"),
    ),
    Rule(
        "an interrupted undo is forgotten",
        "store/changes/unfinished.py",
        "query = query.where(or_(failed, withdrawing))",
        "query = query.where(failed)",
        ("tests/guarantees/test_undo_at_providers.py", "-k", "cancellation"),
    ),
    Rule(
        "a reversal leaves the final steps their keys",
        "activities/reversals.py",
        "            step_records.withdraw(tx, order.tenant, NewRecord(each), now)\n",
        "            continue\n",
        ("tests/guarantees/test_reversal.py", "-k", "sqlite and refunded"),
    ),
    Rule(
        "a reseat leaves the confirmation its key",
        "activities/reseats.py",
        "        step_records.withdraw(tx, order.tenant, NewRecord(confirmation), now)\n",
        "",
        ("tests/guarantees/test_reseat.py", "-k", "sqlite and as_often"),
    ),
    Rule(
        "a settled change that is served again may be undone",
        "activities/groups.py",
        "            passed = _may_be_settled(locked, command.change)\n",
        "            passed = False\n",
        ("tests/guarantees/test_reseat.py", "-k", "sqlite and none and terminated and begin_reseat"),
    ),
    Rule(
        "seats that the client named are changed by themselves",
        "activities/reseats.py",
        "            if named_seats(tx, gone.seats):\n",
        "            if named_seats(tx, ()):\n",
        ("tests/guarantees/test_reseat_by_itself.py", "-k", "sqlite and named"),
    ),
    Rule(
        "undos are ordered by a clock",
        "store/changes/unfinished.py",
        "    return list(tx.exec(query.order_by(col(StepRecordRow.sequence))))\n",
        "    return list(tx.exec(query.order_by(col(StepRecordRow.started_at))))\n",
        ("tests/guarantees/test_clocks.py", "-k", "draft"),
    ),
    Rule(
        "an update has an id of its own, not the change's",
        "api/workflow_client.py",
        "                id=request.update_id or request.change,\n",
        "",
        (
            "tests/guarantees/test_concurrency.py",
            "tests/api/test_workflow_client.py",
            "tests/guarantees/test_request_queue.py",
            "-k",
            "same or identical",
        ),
    ),
    Rule(
        "an older worker takes any request",
        "store/changes/changes.py",
        "    if row.outcome is None and row.needs > formats.KNOWN:\n",
        "    if row.needs < formats.FIRST:\n",
        (*_MIXED_VERSIONS, "limit or refund"),
    ),
    Rule(
        "an older worker goes on with what a newer one has begun",
        "store/changes/step_records.py",
        "        changes.require_known(change)\n",
        "        pass\n",
        (*_MIXED_VERSIONS, "begun"),
    ),
    Rule(
        "a step left to a newer worker fails its request",
        "workflows/saga/step_runner.py",
        "            if not needs_newer_worker(failure) or is_left_to_newer_worker(failure):\n",
        "            if failure:\n",
        (*_MIXED_VERSIONS, "begun"),
    ),
    Rule(
        "captures before one that is refused are kept",
        "activities/support/move_records.py",
        "        return moves.plan_ways_back(rows)\n",
        "        return []\n",
        ("tests/guarantees/test_settlement_moves.py", "tests/guarantees/test_refunds_killed.py"),
    ),
    Rule(
        "a move of unknown outcome is made without a look at it",
        "activities/support/move_runner.py",
        "        unknown = row.state == MoveState.STARTED\n",
        "        unknown = False\n",
        ("tests/activities/test_refused_refunds.py", "tests/guarantees/test_settlement_moves.py"),
    ),
    Rule(
        "a refusal after a lost answer is believed though the provider cannot say what it did",
        "activities/support/move_answers.py",
        "            believe_refusal(found, declined)\n",
        "",
        ("tests/activities/test_refused_refunds.py", "tests/guarantees/test_settlement_moves.py"),
    ),
    Rule(
        "an older release starts what it does not know",
        "store/changes/changes.py",
        ", ChangeRow.needs <= formats.KNOWN)\n",
        ")\n",
        (*_MIXED_VERSIONS, "reconciliation or resume"),
    ),
    Rule(
        "a repeated request gets the answer that Temporal has kept",
        "api/workflow_client.py",
        "            if code == NEWER_WORKER_NEEDED and not request.left_before:\n",
        "            if code == NEWER_WORKER_NEEDED:\n",
        (*_MIXED_VERSIONS, "limit or refund"),
    ),
    Rule(
        "a request that waits for a newer worker keeps its run open",
        "workflows/order_draft.py",
        "lambda: found.done() or self._closing)\n",
        "lambda: found.done())\n",
        (*_MIXED_VERSIONS, "ends_although"),
    ),
    Rule(
        "unknown members of what is stored are refused",
        "store/database/documents.py",
        ', extra="ignore")',
        ")",
        ("tests/store/test_documents.py",),
    ),
    Rule(
        "defaults are stored",
        "store/database/documents.py",
        ", exclude_defaults=True)",
        ")",
        ("tests/store/test_documents.py",),
    ),
)


def main(names: list[str]) -> int:
    """Break each rule in turn, or only the named ones; return 1 when no test failed for one of them."""
    unnoticed = 0
    for rule in RULES:
        if not names or rule.name in names:
            red = _failing_tests(rule)
            unnoticed += not red
            print(f"{rule.name}: {len(red)} red" if red else f"{rule.name}: NOTHING TURNED RED")  # noqa: T201 - a command
            for test in red[:6]:
                print(f"    {test}")  # noqa: T201 - likewise
    return int(unnoticed > 0)


def _failing_tests(rule: Rule) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "broken"
        shutil.copytree(
            ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", ".*cache", "artifacts", ".changeover")
        )
        path = copy / rule.file
        text = path.read_text()
        if text.count(rule.source) != 1:
            raise LookupError(f"{rule.file} does not contain the quoted source of the rule: fix {__name__}")
        path.write_text(text.replace(rule.source, rule.broken))
        command = [sys.executable, "-m", "pytest", "-q", "-n", "3", "--show-capture=no", "--tb=no", *rule.watched_by]
        ended = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)  # noqa: S603 - our own command
    lines = ended.stdout.splitlines()
    # An error at the end of a test process is a violated invariant.
    return sorted((line.split(" - ")[0] for line in lines if line.startswith(("FAILED", "ERROR"))), reverse=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
