"""Pins every name that is stored, or that clients and operators write down, and that no other list pins.

Commands, results and messages are pinned in tests/workflows, the API in tests/api, stored documents in tests/domain.
"""

import ast
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from enum import IntEnum, StrEnum
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
import yaml
from sqlmodel import SQLModel

import activities
import domain
import providers.protocols
import store
import temporal
from api.auth.route_scopes import SCOPE_OF
from api.errors.problems import TITLES
from api.services import operator_actions
from cli import exit_codes
from cli.__main__ import app
from domain.products import Product, Supplement
from domain.webhooks import PING, message_id
from providers.embedded.catalogue_file import Timetable
from providers.stripe.settings import StripeSettings
from store.invariants import INVARIANTS
from telemetry.logs import MEMBERS
from temporal import names
from temporal.search_attributes import SEARCH_ATTRIBUTES
from tests.support.pins import json_form, lost
from tests.support.sources import parse

ROOT = Path(__file__).parents[1]
PINNED = Path(__file__).with_name("persisted_names.json")
"""Written by `python -m tests.test_persisted_names`, in a commit of its own that says what changes and why."""
_HEADER = re.compile(r"(?:[A-Z][A-Za-z]*-)+[A-Z][A-Za-z]+|RateLimit|ETag|webhook-[a-z]+")
_SETTING = re.compile(r"^\| `(CHANGEOVER_\w+)` \| ([^|,]+)", re.MULTILINE)
_METRIC = re.compile(r"^\| `(changeover_\w+)` \| (.*?) \|", re.MULTILINE)


def test_no_name_that_is_stored_or_promised_changes_and_a_new_one_is_listed() -> None:
    known, now = json.loads(PINNED.read_text()), persisted_names()
    assert list(lost(known, now)) == []
    assert list(lost(now, known)) == [], f"new: add it to {PINNED.name}"


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        pytest.param({"a": 1}, {"a": 1, "b": 2}, [], id="a name more"),
        pytest.param({"a": 1, "b": 2}, {"a": 1}, ["/b is gone"], id="a name less"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, ["/a/b was 1 and is 2"], id="another meaning"),
        pytest.param(["done"], ["refused", "done"], [], id="a value more"),
        pytest.param(["refused", "done"], ["done"], ['/"refused" is gone'], id="a value less"),
        pytest.param({"required": ["a"]}, {"required": ["a", "b"]}, ["is"], id="a member that must be sent"),
        pytest.param({"m": {}}, {"m": {}, "required": ["b"]}, ["/required is new"], id="the first that must be sent"),
        pytest.param([{"a": 1}, {"b": 1}], [{"a": 1, "c": 1}, {}], ["/1/b is gone"], id="a member of the second"),
        pytest.param([{"a": 1}], [{"a": 1}, {"b": 1}], [], id="an alternative more"),
    ],
)
def test_what_a_later_list_lacks_is_found_and_what_it_adds_is_not(
    before: object, now: object, found: list[str]
) -> None:
    differences = list(lost(before, now))
    assert len(differences) == len(found)
    assert all(expected in each for expected, each in zip(found, differences, strict=True))


def test_the_order_of_a_group_s_steps_counts() -> None:
    assert list(lost({"run": ["a", "b"]}, {"run": ["a", "c", "b"]}, ordered=True))


def persisted_names() -> dict[str, Any]:
    """Return the names by what they name."""
    return {
        "alerts": sorted(_alerts()),
        "catalogue": {each.__name__: json_form(each) for each in (Product, Supplement, Timetable)},
        "codes": {code: status for code, (status, _) in TITLES.items()},
        "commands": dict(_commands(typer.main.get_command(app), "changeover")),
        "headers": sorted(set(_headers())),
        "invariants": [each.name for each in INVARIANTS],
        "keys": _keys(),
        "log members": list(MEMBERS),
        "metrics": {name: re.findall(r"`(\w+)`", each) for name, each in _METRIC.findall(_page("observability"))},
        "scopes": {route: scope.value for route, scope in SCOPE_OF.items()},
        "search attributes": {each.name: each.indexed_value_type.name for each in SEARCH_ATTRIBUTES},
        "settings": {name: kind.strip() for name, kind in _SETTING.findall(_page("settings"))},
        "settings of Stripe": [f"STRIPE_{name.upper()}" for name in StripeSettings.model_fields],
        "tables": {name: dict(_columns(name)) for name in SQLModel.metadata.tables if name != "sample"},
        "temporal": sorted(value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)),
        "values": {kind.__name__: [each.value for each in kind] for kind in _enumerations()},
    }


def _page(name: str) -> str:
    """Return a page of docs, where other tests compare its table with the code."""
    return (ROOT / "docs" / f"{name}.md").read_text()


def _alerts() -> Iterator[str]:
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    yield from (rule["alert"] for group in groups for rule in group["rules"])


def _commands(command: Any, words: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command with its options and arguments."""
    if not hasattr(command, "commands"):
        yield words, sorted(max(each.opts, key=len) for each in command.params)
        return
    for name, each in command.commands.items():
        yield from _commands(each, f"{words} {name}")


def _headers() -> Iterator[str]:
    """Yield the HTTP headers that the API and the sender of webhooks spell out."""
    for path in (*sorted((ROOT / "api").rglob("*.py")), ROOT / "providers" / "webhook_sender.py"):
        for node in ast.walk(parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _HEADER.fullmatch(node.value):
                yield node.value


def _keys() -> dict[str, str]:
    """Return an example of each id and key that is put together from others."""
    key = names.numbered_key("C", "S", 2)
    return {
        "delivery": names.delivery_id("W", "O"),
        "draft": names.draft_id("O"),
        "event": message_id("O", 7),
        "hold": names.hold_key(names.step_key("C", "S"), 3),
        "move": key,
        "ping": PING,
        "refund because a later capture was refused": names.back_key(key),
    }


def _columns(table: str) -> Iterator[tuple[str, str]]:
    for column in SQLModel.metadata.tables[table].columns:
        kind = str(column.type) + (", null" if column.nullable else "") + (", key" if column.primary_key else "")
        yield column.name, kind


def _enumerations() -> Iterator[type[StrEnum | IntEnum]]:
    """Yield the enumerations whose values are stored, sent or exited with."""
    packages = [_modules(package) for package in (activities, domain, store, temporal)]
    modules = [*chain.from_iterable(packages), providers.protocols, operator_actions, exit_codes]
    for module in sorted(modules, key=lambda each: each.__name__):
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, StrEnum | IntEnum) and each.__module__ == module.__name__:
                yield each


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" not in found.name:
            yield importlib.import_module(found.name)


if __name__ == "__main__":
    PINNED.write_text(json.dumps(persisted_names(), indent=1, sort_keys=True) + "\n")
