"""How workflows are run: outside of the sandbox, or in the one that the tests share.

Entering it for each payload costs a third of a worker's time, and it guards one file: see docs/decisions/0017.
"""

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

# Everything but the workflow's own file is loaded once: re-importing it for every run would cost
# more than the run. tests/test_layout.py keeps clocks, randomness and the environment out of it.
_OURS = (
    "activities",
    "domain",
    "providers",
    "store",
    "telemetry",
    "temporal",
    "workflows.draft",
    "workflows.request_queue",
    "workflows.saga",
    "workflows.web_ui",
)


def runner(*, sandboxed: bool = True) -> WorkflowRunner:
    """Return what runs workflows."""
    if not sandboxed:
        return UnsandboxedWorkflowRunner()
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*_OURS))
