"""Chooses how workflows run: without Temporal's sandbox, or inside it, as histories are replayed in the tests.

Entering the sandbox for each payload costs a third of a worker's time, and it guards one file: docs/decisions/0017.
"""

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

# These modules are loaded once, not for every run: importing them again would cost more than the run itself.
# tests/test_layout.py keeps clocks, randomness and the environment out of them.
_OURS = (
    "activities",
    "domain",
    "providers",
    "store",
    "telemetry",
    "temporal",
    "workflows.draft",
    "workflows.draft_state",
    "workflows.request_queue",
    "workflows.reseats",
    "workflows.reversals",
    "workflows.saga",
    "workflows.stuck_changes",
    "workflows.web_ui",
)


def runner(*, sandboxed: bool = True) -> WorkflowRunner:
    """Return the workflow runner for a worker."""
    if not sandboxed:
        return UnsandboxedWorkflowRunner()
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*_OURS))
