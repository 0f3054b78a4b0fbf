"""What the demo tells: six changes of real orders, two of which must leave no trace."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from cli.demo.story_runner import StoryError, StoryRunner
from cli.http_clients.responses import Json

OK, DECLINE = "tok_ok", "tok_decline"
CARD = {"method": "card", "token": OK}
HELMA_AND_HUAN = ({"id": "helma_lovers", "birth_date": "2000-02-18"}, {"id": "huan_lovers", "birth_date": "2010-02-18"})
JHON_AND_JESSIKA = ({"id": "jhon", "birth_date": "1980-02-18"}, {"id": "jessika", "birth_date": "1979-02-18"})
TWO = ({"id": "maria", "birth_date": "1990-05-04"}, {"id": "olav", "birth_date": "1988-11-30"})
NAMES = {
    "helma_lovers": ("Helma", "Lovers"),
    "huan_lovers": ("Huan", "Lovers"),
    "jhon": ("Smith", "Jhon"),
    "jessika": ("Smith", "Jessika"),
    "maria": ("Maria", "Li"),
    "olav": ("Olav", "Åsen"),
}


def named(travellers: Sequence[Mapping[str, str]]) -> list[Json]:
    """Return travellers with the names an order needs."""
    return [
        {"id": each["id"], "given_name": NAMES[each["id"]][0], "family_name": NAMES[each["id"]][1]}
        for each in travellers
    ]


def add(bundle: str, travellers: Sequence[Json] = ()) -> Json:
    """Return the operation that takes a bundle."""
    return {"op": "add_lines", "offer_bundle_id": bundle, "travellers": list(travellers)}


def replace(lines: Sequence[str], bundle: str) -> Json:
    """Return the operation that puts a bundle in the place of lines."""
    return {"op": "replace_lines", "lines": list(lines), "with": [{"offer_bundle_id": bundle}]}


def product_swap(stage: StoryRunner) -> None:
    """Swap a city card for another: the example of discover.swiss, 46.00 CHF."""
    stage.title(1, "Another product: Helma and Huan take the 24-hour card instead")
    order = stage.shop.order("CHF", "demo-card")
    week = stage.shop.offer("nova_zurichcard72", HELMA_AND_HUAN, valid_from="2021-10-22T10:00:00Z")
    stage.expect(stage.change(order, add(week, named(HELMA_AND_HUAN))), "done")
    day = stage.shop.offer("nova_zurichcard24", HELMA_AND_HUAN, valid_from="2021-10-22T10:00:00Z")
    lines = [line["id"] for line in stage.shop.show(order)["lines"]]
    stage.expect(stage.change(order, replace(lines, day)), "done")
    _check(stage.order(order)["total"], "46.00")


def completed_later(stage: StoryRunner) -> None:
    """Take a bundle found with birth dates only; the names come later, then the confirmation."""
    stage.title(2, "Travellers completed later: Jhon and Jessika")
    order = stage.shop.order("CHF", "demo-later")
    bundle = stage.shop.offer("nova_zurichcard72", JHON_AND_JESSIKA, valid_from="2021-10-15T06:00:00Z")
    stage.expect(stage.change(order, add(bundle)), "done")
    stage.expect(stage.confirm(order, OK), "refused", "TRAVELLERS_INCOMPLETE")
    stage.expect(stage.change(order, {"op": "set_travellers", "travellers": named(JHON_AND_JESSIKA)}), "done")
    stage.expect(stage.confirm(order, OK), "done")
    _check(stage.order(order)["paid"], "106.00")


def dearer_departure(stage: StoryRunner, day: date) -> str:
    """Move two travellers to a later train and a dearer fare; the difference is charged."""
    stage.title(3, "A dearer departure: two travellers, the difference is charged")
    order = stage.shop.order("NOK", "demo-train")
    morning = stage.shop.offer("standard", TWO, service=f"4711-{day}")
    stage.expect(stage.change(order, add(morning, named(TWO)), confirm=True, payment=CARD), "done")
    noon = stage.shop.offer("flexible", TWO, service=f"4713-{day}")
    stage.expect(stage.change(order, replace(_lines(stage, order), noon)), "done")
    stage.say("The old seats stay confirmed until the draft is.")
    stage.expect(stage.confirm(order, OK), "done")
    _check(stage.order(order)["paid"], "798.00")
    return order


def cheaper_with_refund(stage: StoryRunner, order: str, day: date) -> None:
    """Move them back to a cheaper fare; the difference is paid back to the original payments."""
    stage.title(4, "A cheaper change: the difference is refunded")
    morning = stage.shop.offer("standard", TWO, service=f"4711-{day}")
    change = stage.change(order, replace(_lines(stage, order), morning), confirm=True, refund_price_difference=True)
    stage.expect(change, "done")
    _check(stage.order(order)["paid"], "698.00")


def full_train(stage: StoryRunner, order: str, day: date) -> None:
    """Ask for a train that is full: refused, the order untouched."""
    stage.title(5, "A full train: refused, and the order is as it was")
    crowd = [{"id": f"guest-{number}", "birth_date": "1990-01-01"} for number in range(32)]
    full = day + timedelta(days=1)
    crowd_order = stage.shop.order("NOK", "demo-crowd")
    all_seats = stage.shop.offer("standard", crowd, service=f"4713-{full}")
    stage.say("32 guests take every seat of the train ...")
    stage.expect(stage.change(crowd_order, add(all_seats)), "done")
    before = stage.shop.show(order)
    wanted = stage.shop.offer("standard", TWO, service=f"4713-{full}")
    stage.expect(stage.change(order, replace(_lines(stage, order), wanted)), "refused", "SOLD_OUT")
    _untouched(stage, order, before)


def payment_refused(stage: StoryRunner, order: str, day: date) -> None:
    """Let the payment be refused after the swap: everything is taken back, last first."""
    stage.title(6, "A payment refused after the swap: everything is undone")
    before = stage.shop.show(order)
    noon = stage.shop.offer("flexible", TWO, service=f"4713-{day}")
    means = {"method": "card", "token": DECLINE}
    change = stage.change(order, replace(_lines(stage, order), noon), confirm=True, payment=means)
    stage.expect(change, "refused", "PAYMENT_REFUSED")
    _untouched(stage, order, before)


def _lines(stage: StoryRunner, order: str) -> list[str]:
    return [line["id"] for line in stage.shop.show(order)["lines"]]


def _untouched(stage: StoryRunner, order: str, before: Json) -> None:
    after = stage.order(order)
    if after != before:
        raise StoryError(f"order {order} is not as it was")
    stage.say("[green]Exactly as before: lines, seats, money, version.[/green]")


def _check(found: str, told: str) -> None:
    if found != told:
        raise StoryError(f"expected {told}, found {found}")
