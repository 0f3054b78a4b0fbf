"""How long Temporal takes to dispatch a task: a server nobody tuned makes every step of a change wait for it."""

from temporalio.client import Client

from cli.doctor.findings import Finding, note, ok
from pace import RATIONED, NotMeasuredError, Pace, measured

_PAGE = "docs/operations.md, Every step is slow"
_MEND = {
    True: "start a development server with `--dynamic-config-value history.transferProcessorMaxPollRPS=5000`; "
    f"for a cluster: {_PAGE}",
    False: f"run workers nearer to Temporal, or give the machines more room: {_PAGE}",
}


async def dispatching(client: Client) -> Finding:
    """Measure it."""
    try:
        return found(await measured(client))
    except NotMeasuredError as error:
        return note(f"how long a dispatch takes could not be measured ({error})", "see that runs can be started there")


def found(told: Pace) -> Finding:
    """Return what is to be said of a measurement."""
    said = f"a dispatch takes {told.dispatch * 1000:.0f} ms"
    if told.slow is None:
        return ok(said)
    return note(f"{said}, a call that does nothing {told.call * 1000:.0f} ms", _MEND[told.slow == RATIONED])
