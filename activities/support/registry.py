"""The list of all steps, steps by their declarations beside the activities."""

import importlib
import pkgutil

import activities
from activities.support.step_kinds import Check, Final, Pivot, Reversible

Step = Check | Pivot | Final | Reversible  # type: ignore[type-arg] # any command, any result


def all_steps() -> dict[str, Step]:
    """Return every declared step by its name."""
    steps: dict[str, Step] = {}
    for module in pkgutil.walk_packages(activities.__path__, "activities."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Check | Pivot | Final | Reversible):
                steps[value.name] = value
    return steps


def all_undos() -> dict[str, str]:
    """Return the names of all undos, each with the name of its step."""
    return {step.undo_name: name for name, step in all_steps().items() if isinstance(step, Reversible)}
