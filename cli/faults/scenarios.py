"""What is done to an order while something fails: three acts, in which every declared step happens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from cli.demo.stories import CARD, TWO, add, named, replace
from cli.demo.story_runner import StoryRunner
from cli.faults.checks import as_before, changed_in_draft, changed_once
from cli.http_clients.responses import Json
from temporal.names import StepName


@dataclass(frozen=True)
class Scenario:
    """An order made ready, what is asked of it, and what that makes of it."""

    ready: Callable[[StoryRunner, date], str]
    run: Callable[[StoryRunner, str, date], Json]
    done: Callable[[StoryRunner, Json, Json], None]
    """Shows the order before and after, and raises StoryError unless the act was done once."""


def sold(stage: StoryRunner, day: date) -> str:
    """Sell two seats on the morning train; return the order."""
    order = stage.shop.order("NOK", "demo-trouble")
    _do(stage, order, add(_offer(stage, "standard", "4711", day), named(TWO)), confirm=True)
    return order


def dearer(stage: StoryRunner, order: str, day: date) -> Json:
    """Change to a later train and a dearer fare, and confirm it, in one go."""
    bundle = _offer(stage, "flexible", "4713", day)
    return stage.change(order, replace(lines(stage, order), bundle), confirm=True, payment=CARD)


def _in_draft(stage: StoryRunner, day: date) -> str:
    order = sold(stage, day)
    _do(stage, order, replace(lines(stage, order), _offer(stage, "flexible", "4713", day)))
    return order


def _back_again(stage: StoryRunner, order: str, day: date) -> Json:
    return stage.change(order, replace(lines(stage, order), _offer(stage, "standard", "4713", day)))


def _drafted(stage: StoryRunner, order: str, day: date) -> Json:
    """Change the order into a draft, unseen, and discard that."""
    _do(stage, order, replace(lines(stage, order), _offer(stage, "flexible", "4713", day)))
    return stage.discard(order)


def lines(stage: StoryRunner, order: str) -> list[str]:
    """Return the ids of an order's lines."""
    return [line["id"] for line in stage.shop.show(order)["lines"]]


def _offer(stage: StoryRunner, product: str, train: str, day: date) -> str:
    return stage.shop.offer(product, TWO, service=f"{train}-{day}")


def _do(stage: StoryRunner, order: str, operation: Json, *, confirm: bool = False) -> None:
    more = {"confirm": True, "payment": CARD} if confirm else {}
    done = stage.shop.run(f"/v1/orders/{order}/changes", {"operations": [operation], **more})
    stage.expect({"problem": None} | done, "done")


IN_ONE_GO = Scenario(sold, dearer, changed_once)
_IN_DRAFT = Scenario(_in_draft, _back_again, changed_in_draft)
_DISCARDED = Scenario(sold, _drafted, as_before)

_ELSEWHERE: dict[str, Scenario] = {
    StepName.RECORD_OUTCOME: _IN_DRAFT,
    StepName.RELEASE_REPLACED_SEATS: _IN_DRAFT,
    StepName.FIND_UNFINISHED_WORK: _DISCARDED,
    StepName.CLOSE_DRAFT: _DISCARDED,
}


def scenario_of(step: str) -> Scenario:
    """Return an act in which a step or undo happens."""
    return _ELSEWHERE.get(step, IN_ONE_GO)
