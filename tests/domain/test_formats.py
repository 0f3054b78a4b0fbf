"""A member of a stored document that is new since 0.1.0 has a format, and no default of a stored member changes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from api.services.create_order import NewOrder
from domain import formats
from domain.answers import ShownCatalogue, ShownOrder
from domain.changes import ChangeKind, ChangeRequest, Outcome
from domain.model import Model
from domain.money import Money
from domain.offers import OfferBundle
from domain.operations import AddLines, LineWish, RemoveLines, ReplaceLines
from domain.planning.plan import Plan
from domain.quotes import Quote
from domain.time_limits import TimeLimit

MEMBERS = Path(__file__).with_name("stored_members.json")
"""The members of 0.1.0, with their defaults; `python -m tests.domain.test_formats` writes it until 0.1.0 is cut."""
STORED: tuple[type[BaseModel], ...] = (
    *(ChangeRequest, NewOrder, Plan, Quote, Outcome, ShownOrder, ShownCatalogue, OfferBundle, TimeLimit),
)
REQUIRED = "(required)"
WISH = LineWish(offer_bundle_id="b")


def models_in(kind: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in a type, at any depth."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from models_in(field.annotation)
    for part in get_args(kind):
        yield from models_in(part)


def members() -> dict[str, object]:
    """Return every member of every stored document, with its default."""
    found: dict[str, object] = {}
    for model in {each for stored in STORED for each in models_in(stored)}:
        for name, field in model.model_fields.items():
            default = field.get_default(call_default_factory=True)
            found[f"{model.__name__}.{name}"] = REQUIRED if field.is_required() else to_jsonable_python(default)
    return found


def test_a_member_that_0_1_0_did_not_have_has_a_format_and_a_default() -> None:
    first, now = json.loads(MEMBERS.read_text()), members()
    added = set(now) - set(first)
    assert added == set(formats.ADDED), "say in domain/formats.py whether an older worker may ignore it"
    assert [name for name in added if now[name] == REQUIRED] == []


def test_no_member_is_dropped_and_no_default_changes() -> None:
    first, now = json.loads(MEMBERS.read_text()), members()
    assert {name: now.get(name) for name in first} == first


def test_every_release_has_one_format_more_than_the_last_at_most() -> None:
    assert sorted({formats.FIRST, *formats.ADDED.values()}) == list(range(formats.FIRST, formats.KNOWN + 1))


ADDED = {
    "ChangeRequest.at_most": 2,
    "ChangeRequest.reason": formats.FIRST,
    "LineWish.seats": 3,
    "RemoveLines.op": 4,
}
ADD = AddLines(op="add_lines", offer_bundle_id="b", seats=("1-01",))
REPLACE = ReplaceLines(
    op="replace_lines", lines=("26-100000-1",), **{"with": (WISH.model_copy(update={"seats": ("1-01",)}),)}
)
REMOVE = RemoveLines(op="remove_lines", position=1)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param({}, 1, id="nothing that was added"),
        pytest.param({"at_most": None}, 1, id="the default"),
        pytest.param({"reason": "because"}, 1, id="a member that may be ignored"),
        pytest.param({"at_most": Money(0, "NOK")}, 2, id="a member that may not"),
        pytest.param({"operations": (ADD,)}, 3, id="a member of a wish in an operation"),
        pytest.param({"operations": (REPLACE,), "at_most": Money(0, "NOK")}, 3, id="the latest of two, inside a list"),
        pytest.param({"operations": (REMOVE,)}, 4, id="a kind of operation"),
    ],
)
def test_a_request_needs_the_lowest_format_that_expresses_it(
    monkeypatch: pytest.MonkeyPatch, members: dict[str, Any], expected: int
) -> None:
    monkeypatch.setattr(formats, "ADDED", ADDED)
    assert formats.needs(ChangeRequest(kind=ChangeKind.CHANGE, **members)) == expected


def test_domain_models_refuse_unknown_members_where_clients_send_them() -> None:
    assert [each.__name__ for each in models_in(ChangeRequest) if each.model_config.get("extra") != "forbid"] == []
    assert issubclass(ChangeRequest, Model)


if __name__ == "__main__":
    MEMBERS.write_text(json.dumps(members(), indent=1, sort_keys=True) + "\n")
