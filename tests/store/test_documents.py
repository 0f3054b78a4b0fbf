"""What is stored leaves out defaults, and members that a later release has added are read as absent."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from sqlmodel import select

from activities.support.flow import GroupCommand, GroupResult, UndoStepsCommand, WithdrawGroupResult
from activities.support.registry import STEPS
from domain.changes import ChangeKind, ChangeRequest, Outcome
from domain.planning.plan import Plan
from domain.quotes import Quote
from runtime.settings import Settings
from store.database.documents import from_document, to_document
from store.tables import ChangeRow, StepRecordRow
from temporal.data_converter import DATA_CONVERTER
from tests.domain.test_formats import models_in
from tests.support.step_by_step import StepByStep

BY_NAME = {step.name: step for step in STEPS}
OF_CHANGE: dict[str, type[BaseModel]] = {"request": ChangeRequest, "plan": Plan, "quote": Quote, "outcome": Outcome}
IN_TEMPORAL: set[type[BaseModel]] = {
    *(step.command_type for step in STEPS),
    *(step.result_type for step in STEPS),
    *(GroupCommand, GroupResult, UndoStepsCommand, WithdrawGroupResult),
}


@pytest.fixture
def documents(prepared_database: str) -> Iterator[list[tuple[type[BaseModel], str]]]:
    """Every document that a sale and a dearer change store, with its type."""
    steps = StepByStep(Settings(database=prepared_database))
    order = steps.create_order()
    steps.run_change(order, steps.record_request(order, "standard", "4711", [], confirm=True))
    steps.run_change(order, steps.record_request(order, "flexible", "4713", [f"{order}-1"], confirm=True))
    with steps.components.store.read() as tx:
        rows = tx.exec(select(ChangeRow)).all()
        found = [(kind, getattr(row, name)) for row in rows for name, kind in OF_CHANGE.items()]
        for record in tx.exec(select(StepRecordRow)):
            step = BY_NAME[record.step]
            found += [(step.command_type, record.command), (step.result_type, record.result)]
    yield [(kind, text) for kind, text in found if text]
    steps.components.store.close()


def test_what_is_stored_leaves_out_defaults(documents: list[tuple[type[BaseModel], str]]) -> None:
    assert len({kind for kind, _ in documents}) > len(OF_CHANGE) + 5
    for kind, text in documents:
        assert to_document(from_document(kind, text)) == text
        for value in defaults_in(kind, text):
            raise AssertionError(f"{kind.__name__} stores a default: {value}")


def defaults_in(kind: type[BaseModel], text: str) -> Iterator[str]:
    """Yield the members of a document that have their default."""
    stored = json.loads(text)
    for name, field in kind.model_fields.items():
        if not field.is_required() and (field.alias or name) in stored:
            given = getattr(from_document(kind, text), name)
            if given == field.get_default(call_default_factory=True):
                yield name


def test_a_plain_request_is_stored_as_what_was_requested() -> None:
    assert to_document(ChangeRequest(kind=ChangeKind.CONFIRM)) == '{"kind":"confirm"}'


def test_members_of_a_later_release_are_read_as_absent(documents: list[tuple[type[BaseModel], str]]) -> None:
    for kind, text in documents:
        assert from_document(kind, json.dumps(with_later(json.loads(text)))) == from_document(kind, text)


def with_later(value: Any) -> Any:
    """Return a JSON value with an unknown member in each object of it."""
    if isinstance(value, list):
        return [with_later(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: with_later(each) for name, each in value.items()} | {"later": {"a": [1]}}


@pytest.mark.parametrize("kind", sorted(IN_TEMPORAL, key=str))
def test_commands_and_results_in_temporal_ignore_members_of_a_later_release(kind: type[BaseModel]) -> None:
    assert [each.__name__ for each in models_in(kind) if each.model_config.get("extra") == "forbid"] == []


def test_a_payload_of_a_later_release_can_be_read() -> None:
    converter = DATA_CONVERTER.payload_converter
    command = GroupCommand(change="c", order="26-100000")
    (payload,) = converter.to_payloads([command])
    payload.data = payload.data[:-1] + b',"later":{"a":1}}'
    assert converter.from_payloads([payload], [GroupCommand]) == [command]
