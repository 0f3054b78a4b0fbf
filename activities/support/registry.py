"""Every step there is, found where it is declared: beside its activity."""

import importlib
import pkgutil

import activities
from activities.support.step_kinds import Check, Final, Pivot, Reversible

Step = Check | Pivot | Final | Reversible  # type: ignore[type-arg] # any command, any answer


def all_steps() -> dict[str, Step]:
    """Return every step that is declared beside an activity, by its name."""
    found: dict[str, Step] = {}
    for module in pkgutil.walk_packages(activities.__path__, "activities."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Check | Pivot | Final | Reversible):
                found[value.name] = value
    return found


def all_undos() -> dict[str, str]:
    """Return every undo that is declared, by its name, with the step it takes back."""
    return {step.undo_name: name for name, step in all_steps().items() if isinstance(step, Reversible)}
