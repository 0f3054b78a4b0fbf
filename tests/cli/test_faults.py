"""The demo's own checks: they accept exactly the changed order and the unchanged order."""

import copy
import io

import pytest
import typer
from rich.console import Console

from activities.support.registry import by_name, undos
from cli.demo.run import Trouble, demo
from cli.demo.story_runner import StoryError, StoryRunner
from cli.faults.checks import expect_changed_draft, expect_changed_once, expect_paid_out, expect_unchanged
from cli.faults.fault_kinds import breakable
from cli.http_clients.native import NativeClient
from cli.http_clients.responses import Json
from temporal.names import StepName

SOLD: Json = {
    "number": "26-100000",
    "status": "confirmed",
    "version": 1,
    "currency": "NOK",
    "total": "299.00",
    "paid": "299.00",
    "balance": "0.00",
    "lines": [{"id": "26-100000-1", "product": "standard"}],
    "reservations": [{"service": "4711", "seat": "1-01"}],
}
SEATED = [{"service": "4713", "seat": "1-01"}]
DEARER = SOLD | {"version": 2, "total": "399.00", "paid": "399.00", "reservations": SEATED}


@pytest.fixture
def story() -> StoryRunner:
    return StoryRunner(NativeClient("http://nowhere"), "http://nowhere", Console(file=io.StringIO()))


def test_every_step_and_undo_that_is_declared_can_be_made_to_fail() -> None:
    assert set(breakable()) == set(by_name()) | set(undos())
    assert all(breakable().values())


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match=StepName.RESERVE_SEATS):
        demo(Trouble(("sell_the_train",)), embedded=True)


def test_the_changed_order_and_the_unchanged_order_pass(story: StoryRunner) -> None:
    expect_unchanged(story, SOLD, copy.deepcopy(SOLD))
    expect_changed_once(story, SOLD, DEARER)
    expect_changed_draft(story, SOLD, SOLD | {"lines": [{"id": "26-100000-2", "product": "flexible"}]})


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 3},
        {"paid": "698.00"},
        {"balance": "-399.00"},
        {"status": "draft"},
        {"lines": []},
        {"reservations": SEATED * 2},
        {"reservations": SOLD["reservations"]},
    ],
)
def test_any_other_order_fails(story: StoryRunner, wrong: Json) -> None:
    with pytest.raises(StoryError):
        expect_changed_once(story, SOLD, DEARER | wrong)
    with pytest.raises(StoryError):
        expect_unchanged(story, DEARER, DEARER | wrong)


def test_a_draft_without_the_change_fails(story: StoryRunner) -> None:
    with pytest.raises(StoryError):
        expect_changed_draft(story, SOLD, SOLD)
    with pytest.raises(StoryError):
        expect_changed_draft(story, SOLD, DEARER)


def test_a_refund_that_is_still_owed_or_an_order_that_changed_with_it_fails(story: StoryRunner) -> None:
    owing = SOLD | {"refund_owed": "249.00"}
    expect_paid_out(story, owing, SOLD | {"refund_owed": "0.00"})
    for before, after in (
        (owing, owing),
        (owing, DEARER | {"refund_owed": "0.00"}),
        (SOLD | {"refund_owed": "0.00"}, SOLD | {"refund_owed": "0.00"}),
    ):
        with pytest.raises(StoryError):
            expect_paid_out(story, before, after)
