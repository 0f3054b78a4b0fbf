"""In which ways a step can fail: by its kind, for everything that is declared."""

from dataclasses import dataclass

from activities.support.registry import all_steps, all_undos
from activities.support.step_kinds import Check, Final, Pivot, Reversible
from cli.faults.injection import Fault


@dataclass(frozen=True)
class FaultKind:
    """One way to fail, and what comes of it."""

    told: str
    fault: Fault
    undone: bool = False
    """Whether the change is given up and taken back; otherwise the step comes through."""
    helped: bool = False
    """Whether it fails until an operator has been called."""


REFUSED = FaultKind("is refused", Fault.REFUSED, undone=True)
BROKEN = FaultKind("breaks for good", Fault.BROKEN, undone=True)
LOST = FaultKind("is done, and its answer is lost for good", Fault.LOST_FOR_GOOD, undone=True)
RECOVERS = FaultKind("fails three times, then recovers", Fault.DOWN)
STUCK = FaultKind("keeps failing, until an operator is called", Fault.DOWN, helped=True)

_WAYS: dict[type, tuple[FaultKind, ...]] = {
    Check: (REFUSED, BROKEN),
    Reversible: (REFUSED, BROKEN, LOST),
    Pivot: (REFUSED, RECOVERS, STUCK),
    Final: (RECOVERS, STUCK),
}


def breakable() -> dict[str, tuple[FaultKind, ...]]:
    """Return every step and undo that is declared, with the ways it can fail. An undo never gives up."""
    steps = {name: _WAYS[type(step)] for name, step in all_steps().items()}
    return steps | dict.fromkeys(all_undos(), (RECOVERS, STUCK))
