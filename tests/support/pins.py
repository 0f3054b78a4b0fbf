"""The checked-in lists of what is stored or promised by name, and what a later list lacks of an earlier one."""

import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from pydantic import BaseModel, TypeAdapter

PINS = (
    "tests/persisted_names.json",
    "tests/api/openapi_names.json",
    "tests/domain/stored_members.json",
    "tests/workflows/wire.json",
    "tests/workflows/defaults.json",
    "tests/activities/groups.json",
)
"""The lists; the test beside each compares it with the code, and most are written by running that test as a module."""
ORDERED = ("tests/activities/groups.json",)
"""The lists whose lists are sequences: a group of a release keeps exactly its steps, because replay sees no others."""
PIN_TESTS = (
    "tests/test_persisted_names.py",
    "tests/api/test_openapi.py::test_the_names_of_operations_schemas_and_members_stay_as_they_are",
    "tests/domain/test_formats.py",
    "tests/workflows/test_wire.py",
    "tests/workflows/test_names.py",
    "tests/workflows/test_data_converter.py",
    "tests/activities/test_groups.py::test_the_names_and_steps_of_groups_are_pinned_because_replay_does_not_see_inside",
)
_EXACT = ("required",)
"""Lists to which nothing may be added: who sends less than all of it has sent enough until now."""


def lost(before: Any, now: Any, where: str = "", *, ordered: bool = False) -> Iterator[str]:
    """Yield where a later list lacks or changes something of an earlier one; additions are not named.

    A list is a set of what is possible (the values of an enumeration), or else positions: of objects, or when
    `ordered` says so.
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for name, value in before.items():
            place = f"{where}/{name}"
            if name not in now:
                yield f"{place} is gone"
            else:
                yield from lost(value, now[name], place, ordered=ordered or name in _EXACT)
        yield from (f"{where}/{name} is new" for name in _EXACT if name in now and name not in before)
    elif isinstance(before, list) and isinstance(now, list):
        yield from _lost_of_list(before, now, where, ordered=ordered)
    elif before != now:
        yield f"{where} was {json.dumps(before)} and is {json.dumps(now)}"


def _lost_of_list(before: list[Any], now: list[Any], where: str, *, ordered: bool) -> Iterator[str]:
    if ordered:
        if before != now:
            yield f"{where} was {json.dumps(before)} and is {json.dumps(now)}"
    elif any(isinstance(each, dict) for each in before) and len(before) == len(now):
        for number, (value, present) in enumerate(zip_longest(before, now)):
            yield from lost(value, present, f"{where}/{number}")
    else:
        yield from (f"{where}/{json.dumps(each)} is gone" for each in before if each not in now)


def json_form(kind: Any) -> Any:
    """Return the JSON schema of a model, None of anything else; without Python names, texts and references."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return None
    schema = TypeAdapter(kind).json_schema()
    return _plain(schema, schema.get("$defs", {}))


def _plain(node: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema without titles and descriptions, and with definitions inlined."""
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
