"""Six stories of the demo: changes of real orders, two of which must leave the order as it was."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

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
    "ida": ("Ida", "Åsen"),
}


def named(travellers: Sequence[Mapping[str, str]]) -> list[Json]:
    """Return travellers with the names that an order needs."""
    return [
        {"id": each["id"], "given_name": NAMES[each["id"]][0], "family_name": NAMES[each["id"]][1]}
        for each in travellers
    ]


def add(bundle: str, travellers: Sequence[Json] = (), **wishes: Sequence[Any]) -> Json:
    """Return the operation that adds the lines of a bundle, with wishes such as seats and supplements."""
    return {"op": "add_lines", "offer_bundle_id": bundle, "travellers": list(travellers), **wishes}


def replace(lines: Sequence[str], bundle: str) -> Json:
    """Return the operation that replaces lines by a bundle."""
    return {"op": "replace_lines", "lines": list(lines), "with": [{"offer_bundle_id": bundle}]}


def remove(lines: Sequence[str]) -> Json:
    """Return the operation that removes lines."""
    return {"op": "remove_lines", "lines": list(lines)}


def product_swap(story: StoryRunner) -> None:
    """Replace a city card by another one: the example of discover.swiss, 46.00 CHF."""
    story.title(1, "Another product: Helma and Huan take the 24-hour card instead")
    order = story.client.order("CHF", "demo-card")
    week = story.client.offer("nova_zurichcard72", HELMA_AND_HUAN, valid_from="2021-10-22T10:00:00Z")
    story.expect(story.change(order, add(week, named(HELMA_AND_HUAN))), "done")
    day = story.client.offer("nova_zurichcard24", HELMA_AND_HUAN, valid_from="2021-10-22T10:00:00Z")
    lines = [line["id"] for line in story.client.show(order)["lines"]]
    story.expect(story.change(order, replace(lines, day)), "done")
    _check(story.order(order)["total"], "46.00")


def completed_later(story: StoryRunner) -> None:
    """Add a bundle with birth dates only; add the names later, then confirm."""
    story.title(2, "Travellers completed later: Jhon and Jessika")
    order = story.client.order("CHF", "demo-later")
    bundle = story.client.offer("nova_zurichcard72", JHON_AND_JESSIKA, valid_from="2021-10-15T06:00:00Z")
    story.expect(story.change(order, add(bundle)), "done")
    story.expect(story.confirm(order, OK), "refused", "TRAVELLERS_INCOMPLETE")
    story.expect(story.change(order, {"op": "set_travellers", "travellers": named(JHON_AND_JESSIKA)}), "done")
    story.expect(story.confirm(order, OK), "done")
    _check(story.order(order)["paid"], "106.00")


def dearer_departure(story: StoryRunner, day: date) -> str:
    """Move two travellers to a later train and a dearer fare; the difference is charged."""
    story.title(3, "A dearer departure: two travellers, the difference is charged")
    order = story.client.order("NOK", "demo-train")
    morning = story.client.offer("standard", TWO, service=f"4711-{day}")
    story.expect(story.change(order, add(morning, named(TWO)), confirm=True, payment=CARD), "done")
    noon = story.client.offer("flexible", TWO, service=f"4713-{day}")
    story.expect(story.change(order, replace(_lines(story, order), noon)), "done")
    story.say("The old seats stay confirmed until the draft is confirmed.")
    story.expect(story.confirm(order, OK), "done")
    _check(story.order(order)["paid"], "798.00")
    return order


def cheaper_with_refund(story: StoryRunner, order: str, day: date) -> None:
    """Move them back to a cheaper fare; the difference is refunded to the original payments."""
    story.title(4, "A cheaper change: the difference is refunded")
    morning = story.client.offer("standard", TWO, service=f"4711-{day}")
    change = story.change(order, replace(_lines(story, order), morning), confirm=True, refund_price_difference=True)
    story.expect(change, "done")
    _check(story.order(order)["paid"], "698.00")


def full_train(story: StoryRunner, order: str, day: date) -> None:
    """Request a train that is full: the change is refused, the order unchanged."""
    story.title(5, "A full train: refused, and the order is as it was")
    crowd = [{"id": f"guest-{number}", "birth_date": "1990-01-01"} for number in range(32)]
    full = day + timedelta(days=1)
    crowd_order = story.client.order("NOK", "demo-crowd")
    all_seats = story.client.offer("standard", crowd, service=f"4713-{full}")
    story.say("32 guests take every seat of the train ...")
    story.expect(story.change(crowd_order, add(all_seats)), "done")
    before = story.client.show(order)
    unavailable = story.client.offer("standard", TWO, service=f"4713-{full}", sold_out=True)
    story.expect(story.change(order, replace(_lines(story, order), unavailable)), "refused", "SOLD_OUT")
    _check_unchanged(story, order, before)


def payment_refused(story: StoryRunner, order: str, day: date, *, at_bank: bool) -> None:
    """Have the payment refused after the swap: what was committed is undone in reverse order."""
    if at_bank:
        story.title(6, "A payment refused by the bank after the swap: everything is undone")
        story.say("Seats and offers were committed before the bank was called: a saga.")
    else:
        story.title(6, "A payment refused after the swap: it never happened")
        story.say("Seats, offers, payments: one database, one transaction, no commit.")
    before = story.client.show(order)
    noon = story.client.offer("flexible", TWO, service=f"4713-{day}")
    payment = {"method": "card", "token": DECLINE}
    change = story.change(order, replace(_lines(story, order), noon), confirm=True, payment=payment)
    story.expect(change, "refused", "PAYMENT_REFUSED")
    _check_unchanged(story, order, before)


def _lines(story: StoryRunner, order: str) -> list[str]:
    return [line["id"] for line in story.client.show(order)["lines"]]


def _check_unchanged(story: StoryRunner, order: str, before: Json) -> None:
    after = story.order(order)
    if after != before:
        raise StoryError(f"order {order} is not as it was")
    story.say("[green]Exactly as before: lines, seats, money, version.[/green]")


def _check(actual: str, expected: str) -> None:
    if actual != expected:
        raise StoryError(f"expected {expected}, got {actual}")
