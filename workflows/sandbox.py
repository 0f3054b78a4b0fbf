"""The one sandbox runner that the worker and the replay tests share."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

# Everything but the workflow's own file is loaded once: re-importing it for every run would cost
# more than the run. tests/test_layout.py keeps clocks, randomness and the environment out of it.
_OURS = (
    "activities",
    "domain",
    "providers",
    "store",
    "telemetry",
    "workflows.board",
    "workflows.calls",
    "workflows.draft",
    "workflows.messages",
    "workflows.names",
    "workflows.page",
    "workflows.saga",
    "workflows.shield",
    "workflows.steps",
    "workflows.turns",
)


def runner() -> SandboxedWorkflowRunner:
    """Return the sandbox runner."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*_OURS))
