"""The story of the demo that uses Entur's API."""

from datetime import date

from cli.demo.stories import TWO
from cli.demo.story_runner import StoryError, StoryRunner
from cli.http_clients.entur import EnturClient


def entur_in_five_calls(story: StoryRunner, address: str, day: date, full: date) -> None:
    """Add a line, change it twice, have a third change refused, pay and confirm; show the order after each call."""
    story.title(7, "Entur in five calls: several changes, one of them refused")
    with EnturClient(address) as entur:
        sold = entur.reserve(_offer(story, "standard", f"4711-{day}"))
        order, line = sold["orderId"], sold["orderLineIds"][0]
        _show(story, entur, order, "reserve-offers", "299.00")
        entur.update(order, line, _offer(story, "flexible", f"4713-{day}"))
        _show(story, entur, order, "update-order", "349.00")
        entur.update(order, line, _offer(story, "standard", f"4713-{day}"))
        _show(story, entur, order, "update-order", "299.00")
        refused = entur.update(order, line, _offer(story, "standard", f"4713-{full}"))
        if refused.get("code") != "SOLD_OUT":
            raise StoryError("a full train accepted another traveller")
        _show(story, entur, order, "update-order: SOLD_OUT", "299.00")
        money = {"amount": "299.00", "currency": "NOK", "method": "card", "token": "tok_ok"}
        story.client.run(f"/v1/orders/{order}/payments", money)
        _show(story, entur, order, "payments", "0.00")
        if entur.confirm(order)["status"] != "CONFIRMED":
            raise StoryError("the order was not confirmed")
        _show(story, entur, order, "confirm", "0.00")
        story.order(order)


def _offer(story: StoryRunner, product: str, service: str) -> str:
    bundle = story.client.find(product, TWO[:1], service=service, sold_out=True)
    return str(bundle["offers"][0]["id"])


def _show(story: StoryRunner, entur: EnturClient, order: str, call: str, balance: str) -> None:
    shown = entur.show(order)
    if shown["balance"] != balance:
        raise StoryError(f"expected a balance of {balance}, got {shown['balance']}")
    lines = ", ".join(f"{line['product']} {line['service']}" for line in shown["orderLines"])
    story.say(f"[bold]{call:24}[/bold] {shown['status']} v{shown['version']}: {lines}, balance {balance}")
