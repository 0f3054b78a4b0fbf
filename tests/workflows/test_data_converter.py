"""Fields that histories omit are read back with the same value, by every later release."""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

import activities
import temporal
import workflows
from activities.plans import PlanChangeResult
from domain.money import Money
from temporal.data_converter import DATA_CONVERTER

DEFAULTS = Path(__file__).with_name("defaults.json")
"""Written by `python -m tests.workflows.test_data_converter`, in a commit of its own that says why."""


def test_fields_with_their_default_are_omitted_and_read_back() -> None:
    plan = PlanChangeResult(no_op=False, confirm=True, services=(), amount_due=Money(0, "NOK"), open_draft=None)
    payloads = DATA_CONVERTER.payload_converter.to_payloads([plan])
    assert json.loads(payloads[0].data) == {"confirm": True, "amount_due": {"minor": 0, "currency": "NOK"}}
    assert DATA_CONVERTER.payload_converter.from_payloads(payloads, [PlanChangeResult]) == [plan]


def test_no_default_of_a_stored_field_changes() -> None:
    known, now = json.loads(DEFAULTS.read_text()), dict(_defaults())
    assert {name: now.get(name) for name in known} == known
    assert now == known, f"new: add it to {DEFAULTS.name}"


def _defaults() -> Iterator[tuple[str, object]]:
    for model in chain.from_iterable(_models(package) for package in (activities, temporal, workflows)):
        for name, field in model.model_fields.items():
            if not field.is_required():
                yield f"{model.__name__}.{name}", _default(field)


def _models(package: ModuleType) -> Iterator[type[BaseModel]]:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        for each in vars(importlib.import_module(module.name)).values():
            if isinstance(each, type) and issubclass(each, BaseModel) and each.__module__ == module.name:
                yield each


def _default(field: FieldInfo) -> object:
    return to_jsonable_python(field.get_default(call_default_factory=True))


if __name__ == "__main__":
    DEFAULTS.write_text(json.dumps(dict(_defaults()), indent=1, sort_keys=True) + "\n")
