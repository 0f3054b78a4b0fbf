"""Pins the JSON schema of every command, result and message that Temporal and the store keep."""

import json
from pathlib import Path
from typing import Any

from temporalio import activity, workflow

from runtime.bootstrap import build_activities, build_components, build_webhook_activities
from runtime.settings import Settings
from tests.support.pins import json_form
from workflows.deliver_events import DeliverEvents
from workflows.order_draft import OrderDraft
from workflows.reconcile import Reconcile

WIRE = Path(__file__).with_name("wire.json")
"""Rewritten by `python -m tests.workflows.test_wire`, in a commit of its own that says what changes and why."""


def test_the_json_of_commands_results_and_messages_stays_as_it_is(tmp_path: Path) -> None:
    known, now = json.loads(WIRE.read_text()), wire(tmp_path)
    assert {name: now.get(name) for name in known} == known
    assert now == known, f"new: add it to {WIRE.name}"


def wire(folder: Path) -> dict[str, Any]:
    """Return the JSON schemas of all stored messages, by their persisted names."""
    components = build_components(Settings(database=f"sqlite:///{folder / 'wire.db'}"))
    steps = [_step(each) for each in (*build_activities(components), *build_webhook_activities(components))]
    components.store.close()
    return dict(sorted([*steps, *(_workflow(each) for each in (OrderDraft, DeliverEvents, Reconcile))]))


def _step(do: Any) -> tuple[str, Any]:
    step = activity._Definition.must_from_callable(do)  # noqa: SLF001 - the SDK's own record of names and types
    return step.name or "", {"command": [*map(json_form, step.arg_types or [])], "result": json_form(step.ret_type)}


def _workflow(kind: type) -> tuple[str, Any]:
    run = workflow._Definition.must_from_class(kind)  # noqa: SLF001 - likewise
    shapes: dict[str, Any] = {"start": [*map(json_form, run.arg_types or [])], "end": json_form(run.ret_type)}
    shapes["updates"] = {
        name: {"input": [*map(json_form, each.arg_types or [])], "answer": json_form(each.ret_type)}
        for name, each in run.updates.items()
    }
    shapes["queries"] = {name: json_form(each.ret_type) for name, each in run.queries.items() if not _is_internal(name)}
    shapes["signals"] = sorted(name for name in run.signals if name and not _is_internal(name))
    return run.name or "", shapes


def _is_internal(name: str | None) -> bool:
    return name is None or name.startswith("__")


if __name__ == "__main__":
    import tempfile

    WIRE.write_text(json.dumps(wire(Path(tempfile.mkdtemp())), indent=1, sort_keys=True) + "\n")
