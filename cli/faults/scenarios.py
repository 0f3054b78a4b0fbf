"""Four scenarios in which a fault is injected; every declared step runs in at least one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from cli.demo.stories import CARD, TWO, add, named, replace
from cli.demo.story_runner import StoryRunner
from cli.faults.checks import expect_changed_draft, expect_changed_once, expect_paid_out, expect_unchanged
from cli.http_clients.responses import Json
from providers.embedded.payments import REFUSE_REFUND
from temporal.names import StepName


@dataclass(frozen=True)
class Scenario:
    """An order to prepare, a request to run on it, and a check of the result."""

    prepare: Callable[[StoryRunner, date], str]
    run: Callable[[StoryRunner, str, date], Json]
    check: Callable[[StoryRunner, Json, Json], None]
    """Prints the order before and after. Raises StoryError unless the request took effect exactly once."""


def sell(story: StoryRunner, day: date) -> str:
    """Sell two seats on the morning train; return the order's number."""
    order = story.client.order("NOK", "demo-trouble")
    _do(story, order, add(_offer(story, "standard", "4711", day), named(TWO)), confirm=True)
    return order


def upgrade(story: StoryRunner, order: str, day: date) -> Json:
    """Change to a later train with a dearer fare, confirmed at once."""
    bundle = _offer(story, "flexible", "4713", day)
    return story.change(order, replace(lines(story, order), bundle), confirm=True, payment=CARD)


def _sell_with_draft(story: StoryRunner, day: date) -> str:
    order = sell(story, day)
    _do(story, order, replace(lines(story, order), _offer(story, "flexible", "4713", day)))
    return order


def _change_draft(story: StoryRunner, order: str, day: date) -> Json:
    return story.change(order, replace(lines(story, order), _offer(story, "standard", "4713", day)))


def _change_and_discard(story: StoryRunner, order: str, day: date) -> Json:
    """Change the order without printing it, then discard the draft."""
    _do(story, order, replace(lines(story, order), _offer(story, "flexible", "4713", day)))
    return story.discard(order)


def lines(story: StoryRunner, order: str) -> list[str]:
    """Return the ids of an order's lines."""
    return [line["id"] for line in story.client.show(order)["lines"]]


def _offer(story: StoryRunner, product: str, train: str, day: date) -> str:
    return story.client.offer(product, TWO, service=f"{train}-{day}")


def _do(story: StoryRunner, order: str, operation: Json, **more: Any) -> None:
    paid = {"payment": CARD} if more.get("confirm") else {}
    change = story.client.run(f"/v1/orders/{order}/changes", {"operations": [operation], **paid, **more})
    story.expect({"problem": None} | change, "done")


def _sell_and_owe_a_refund(story: StoryRunner, day: date) -> str:
    """Cancel an order whose older card refuses refunds: the rest is owed to the customer."""
    order = story.client.order("NOK", "demo-trouble")
    refuses = {"method": "card", "token": REFUSE_REFUND}
    _do(story, order, add(_offer(story, "standard", "4711", day), named(TWO)), confirm=True, payment=refuses)
    _do(story, order, replace(lines(story, order), _offer(story, "flexible", "4713", day)), confirm=True)
    removal = {"op": "remove_lines", "lines": lines(story, order)}
    _do(story, order, removal, confirm=True, refund_price_difference=True)
    return order


def _pay_out(story: StoryRunner, order: str, _day: date) -> Json:
    return story.payout(order, story.client.show(order)["refund_owed"], "bank transfer, ticket 4711")


CONFIRMED_CHANGE = Scenario(sell, upgrade, expect_changed_once)
_DRAFT_CHANGE = Scenario(_sell_with_draft, _change_draft, expect_changed_draft)
_DISCARDED_DRAFT = Scenario(sell, _change_and_discard, expect_unchanged)

_OTHERS: dict[str, Scenario] = {
    StepName.RECORD_OUTCOME: _DRAFT_CHANGE,
    StepName.RELEASE_REPLACED_SEATS: _DRAFT_CHANGE,
    StepName.RECORD_PAYOUT: Scenario(_sell_and_owe_a_refund, _pay_out, expect_paid_out),
    StepName.FIND_UNFINISHED_WORK: _DISCARDED_DRAFT,
    StepName.CLOSE_DRAFT: _DISCARDED_DRAFT,
}


def find_scenario(step: str) -> Scenario:
    """Return a scenario in which a step or undo runs."""
    return _OTHERS.get(step, CONFIRMED_CHANGE)
