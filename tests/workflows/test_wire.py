"""Pins the JSON schema of every command, result and message that Temporal and the store keep."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter
from temporalio import activity, workflow

from runtime.bootstrap import build_activities, build_components, build_webhook_activities
from runtime.settings import Settings
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
    return step.name or "", {"command": [*map(_schema, step.arg_types or [])], "result": _schema(step.ret_type)}


def _workflow(kind: type) -> tuple[str, Any]:
    run = workflow._Definition.must_from_class(kind)  # noqa: SLF001 - likewise
    shapes: dict[str, Any] = {"start": [*map(_schema, run.arg_types or [])], "end": _schema(run.ret_type)}
    shapes["updates"] = {
        name: {"input": [*map(_schema, each.arg_types or [])], "answer": _schema(each.ret_type)}
        for name, each in run.updates.items()
    }
    shapes["queries"] = {name: _schema(each.ret_type) for name, each in run.queries.items() if not _is_internal(name)}
    shapes["signals"] = sorted(name for name in run.signals if name and not _is_internal(name))
    return run.name or "", shapes


def _is_internal(name: str | None) -> bool:
    return name is None or name.startswith("__")


def _schema(kind: Any) -> Any:
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return None
    schema = TypeAdapter(kind).json_schema()
    return _plain(schema, schema.get("$defs", {}))


def _plain(node: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema without Python names: no titles, no descriptions, and definitions inlined."""
    if isinstance(node, list):
        return [_plain(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _plain(definitions[node["$ref"].rsplit("/", 1)[1]], definitions)
    members = {key: value for key, value in node.items() if key not in {"$defs", "description"}}
    if isinstance(members.get("title"), str):
        del members["title"]
    return {key: _plain(value, definitions) for key, value in members.items()}


if __name__ == "__main__":
    import tempfile

    WIRE.write_text(json.dumps(wire(Path(tempfile.mkdtemp())), indent=1, sort_keys=True) + "\n")
