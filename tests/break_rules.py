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


RULES = (
    Rule(
        "an undo is noted after its step",
        "workflows/saga/saga.py",
        """        if isinstance(step, Reversible):
            self._undos.append(Undo(step, command))
        return await self._runner.run(step, command)
""",
        """        done = await self._runner.run(step, command)
        if isinstance(step, Reversible):
            self._undos.append(Undo(step, command))
        return done
""",
        ("tests/workflows/test_saga.py", "tests/guarantees/test_steps.py", "-k", "saga or LOST_FOR_GOOD"),
    ),
    Rule(
        "no tombstone",
        "store/changes/step_records.py",
        """    inserted = _insert(tx, tenant, step, command, tombstone)
    row = of_key(tx, command.key)
    if inserted:
""",
        "    row = tx.get(StepRecordRow, command.key) or StepRecordRow()\n    if not row.state:\n",
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
        "await ignore_cancellation(self._calls.local(call.name, call.result_type, call.command, LOCAL_ATTEMPTS))",
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
        "undos are ordered by a clock",
        "store/changes/unfinished.py",
        "    return list(tx.exec(query.order_by(col(StepRecordRow.sequence))))\n",
        "    return list(tx.exec(query.order_by(col(StepRecordRow.started_at))))\n",
        ("tests/guarantees/test_clocks.py", "-k", "draft"),
    ),
    Rule(
        "an update has an id of its own, not the change's",
        "api/workflow_client.py",
        "                id=request.change,\n",
        "",
        (
            "tests/guarantees/test_concurrency.py",
            "tests/api/test_workflow_client.py",
            "tests/guarantees/test_request_queue.py",
            "-k",
            "same or identical",
        ),
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
