"""The faults that each declared step and undo can have, by its kind."""

from dataclasses import dataclass

from activities.support.registry import AnyStep, by_name, undos
from activities.support.step_kinds import Check, Final, Harmless, Pivot, Reversible
from cli.faults.injection import Fault


@dataclass(frozen=True)
class FaultKind:
    """One way to fail, and how the change ends."""

    description: str
    fault: Fault
    undone: bool = False
    """Whether the change is undone; otherwise the step succeeds in the end."""
    needs_operator: bool = False
    """Whether the step fails until an operator acts."""


REFUSED = FaultKind("is refused", Fault.REFUSED, undone=True)
BROKEN = FaultKind("fails permanently", Fault.BROKEN, undone=True)
LOST = FaultKind("is done, and its result is lost permanently", Fault.LOST_FOR_GOOD, undone=True)
RECOVERS = FaultKind("fails three times, then recovers", Fault.DOWN)
STUCK = FaultKind("keeps failing until an operator acts", Fault.DOWN, needs_operator=True)

_OF_KIND: dict[type, tuple[FaultKind, ...]] = {
    Check: (REFUSED, BROKEN),
    Harmless: (REFUSED, BROKEN),
    Reversible: (REFUSED, BROKEN, LOST),
    Pivot: (REFUSED, RECOVERS, STUCK),
    Final: (RECOVERS, STUCK),
}


def breakable() -> dict[str, tuple[FaultKind, ...]]:
    """Return all declared steps and undos with their possible faults. An undo is retried until it succeeds."""
    return {name: _faults_of(step) for name, step in by_name().items()} | dict.fromkeys(undos(), (RECOVERS, STUCK))


def _faults_of(step: AnyStep) -> tuple[FaultKind, ...]:
    return next(faults for kind, faults in _OF_KIND.items() if isinstance(step, kind))
