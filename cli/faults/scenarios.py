"""What is done to an order while something fails: three acts, in which every declared step happens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from cli.demo.stories import CARD, TWO, add, named, replace
from cli.demo.story_runner import Stage
from cli.faults.checks import as_before, changed_in_draft, changed_once
from cli.http_clients.responses import Json
from temporal.names import StepName


@dataclass(frozen=True)
class Act:
    """An order made ready, what is asked of it, and what that makes of it."""

    ready: Callable[[Stage, date], str]
    run: Callable[[Stage, str, date], Json]
    done: Callable[[Stage, Json, Json], None]
    """Shows the order before and after, and raises StoryError unless the act was done once."""


def sold(stage: Stage, day: date) -> str:
    """Sell two seats on the morning train; return the order."""
    order = stage.shop.order("NOK", "demo-trouble")
    _do(stage, order, add(_offer(stage, "standard", "4711", day), named(TWO)), confirm=True)
    return order


def dearer(stage: Stage, order: str, day: date) -> Json:
    """Change to a later train and a dearer fare, and confirm it, in one go."""
    bundle = _offer(stage, "flexible", "4713", day)
    return stage.change(order, replace(lines(stage, order), bundle), confirm=True, payment=CARD)


def _in_draft(stage: Stage, day: date) -> str:
    order = sold(stage, day)
    _do(stage, order, replace(lines(stage, order), _offer(stage, "flexible", "4713", day)))
    return order


def _back_again(stage: Stage, order: str, day: date) -> Json:
    return stage.change(order, replace(lines(stage, order), _offer(stage, "standard", "4713", day)))


def _drafted(stage: Stage, order: str, day: date) -> Json:
    """Change the order into a draft, unseen, and discard that."""
    _do(stage, order, replace(lines(stage, order), _offer(stage, "flexible", "4713", day)))
    return stage.discard(order)


def lines(stage: Stage, order: str) -> list[str]:
    """Return the ids of an order's lines."""
    return [line["id"] for line in stage.shop.show(order)["lines"]]


def _offer(stage: Stage, product: str, train: str, day: date) -> str:
    return stage.shop.offer(product, TWO, service=f"{train}-{day}")


def _do(stage: Stage, order: str, operation: Json, *, confirm: bool = False) -> None:
    more = {"confirm": True, "payment": CARD} if confirm else {}
    done = stage.shop.run(f"/v1/orders/{order}/changes", {"operations": [operation], **more})
    stage.expect({"problem": None} | done, "done")


IN_ONE_GO = Act(sold, dearer, changed_once)
_IN_DRAFT = Act(_in_draft, _back_again, changed_in_draft)
_DISCARDED = Act(sold, _drafted, as_before)

_ELSEWHERE: dict[str, Act] = {
    StepName.RECORD_OUTCOME: _IN_DRAFT,
    StepName.RELEASE_REPLACED_SEATS: _IN_DRAFT,
    StepName.FIND_UNFINISHED_WORK: _DISCARDED,
    StepName.CLOSE_DRAFT: _DISCARDED,
}


def act_of(step: str) -> Act:
    """Return an act in which a step or undo happens."""
    return _ELSEWHERE.get(step, IN_ONE_GO)
