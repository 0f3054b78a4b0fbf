"""A story told in Entur's words."""

from datetime import date

from cli.demo.stories import TWO
from cli.demo.story_runner import StoryError, StoryRunner
from cli.http_clients.entur import EnturClient


def entur_in_five_calls(stage: StoryRunner, address: str, day: date, full: date) -> None:
    """Add, change twice, let a third change fail, pay and confirm; the order after each."""
    stage.title(7, "Entur in five calls: changes in a row, with a failure in the middle")
    with EnturClient(address) as sales:
        sold = sales.reserve(_offer(stage, "standard", f"4711-{day}"))
        order, line = sold["orderId"], sold["orderLineIds"][0]
        _tell(stage, sales, order, "reserve-offers", "299.00")
        sales.update(order, line, _offer(stage, "flexible", f"4713-{day}"))
        _tell(stage, sales, order, "update-order", "349.00")
        sales.update(order, line, _offer(stage, "standard", f"4713-{day}"))
        _tell(stage, sales, order, "update-order", "299.00")
        refused = sales.update(order, line, _offer(stage, "standard", f"4713-{full}"))
        if refused.get("code") != "SOLD_OUT":
            raise StoryError("a full train took another guest")
        _tell(stage, sales, order, "update-order: SOLD_OUT", "299.00")
        money = {"amount": "299.00", "currency": "NOK", "method": "card", "token": "tok_ok"}
        stage.shop.run(f"/v1/orders/{order}/payments", money)
        _tell(stage, sales, order, "payments", "0.00")
        if sales.confirm(order)["status"] != "CONFIRMED":
            raise StoryError("the order was not confirmed")
        _tell(stage, sales, order, "confirm", "0.00")
        stage.order(order)


def _offer(stage: StoryRunner, product: str, service: str) -> str:
    found = stage.shop.find(product, TWO[:1], service=service)
    return str(found["offers"][0]["id"])


def _tell(stage: StoryRunner, sales: EnturClient, order: str, call: str, balance: str) -> None:
    shown = sales.show(order)
    if shown["balance"] != balance:
        raise StoryError(f"expected a balance of {balance}, found {shown['balance']}")
    lines = ", ".join(f"{line['product']} {line['service']}" for line in shown["orderLines"])
    stage.say(f"[bold]{call:24}[/bold] {shown['status']} v{shown['version']}: {lines}, balance {balance}")
