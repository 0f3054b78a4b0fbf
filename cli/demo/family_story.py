"""The story of a family: one is exchanged, one is cancelled, one keeps seat and meal; the money per line and rate."""

from datetime import date

from cli.demo.receipts import amount_at, lines_of, order_receipt, quote_receipt
from cli.demo.stories import CARD, OK, TWO, add, named, remove, replace
from cli.demo.story_runner import StoryError, StoryRunner
from cli.http_clients.responses import Json

MARIA, OLAV = TWO
WINDOW = "2-07"
MEAL = {"supplement": "MEAL"}


def family_of_three(story: StoryRunner, day: date) -> None:
    """Exchange one ticket and keep the difference, cancel another and pay it back; the third stays as it is."""
    story.title(9, "A family: one exchanged, one cancelled, a refund decided for each")
    order = _sell(story, day)
    before = story.order(order)
    story.console.print(order_receipt(before, lines_of(before)))
    _exchange_olav(story, order, day)
    quote = _cancel_ida(story, order)
    lines = lines_of(before, story.client.show(order))
    story.say("The draft so far, compared with what is confirmed:")
    story.console.print(quote_receipt(quote, lines))
    _check("change per rate", _per_rate(quote), {"0.12": "-99.50", "0.15": "-89.00"})
    confirmed = story.confirm(order, OK)
    story.expect(confirmed, "done")
    after = story.order(order)
    story.console.print(order_receipt(after, lines))
    _check("paid back", confirmed["confirmed"]["refunded"], "188.50")
    _check("paid", (after["paid"], after["balance"]), ("787.00", "0.00"))
    _check("order per rate", _per_rate(after), {"0.12": "698.00", "0.15": "89.00"})
    _check("Maria's lines", _lines_of(after, "maria"), _lines_of(before, "maria"))
    _check("Maria's seat", _seats(after, "maria"), [WINDOW])
    story.say(f"[green]Maria still has seat {WINDOW} and her meal.[/green]")
    story.say("[green]188.50 was paid back for Ida, nothing for Olav.[/green]")


def _exchange_olav(story: StoryRunner, order: str, day: date) -> None:
    story.say("Olav leaves at noon instead, for less; the shop keeps the difference.")
    noon = story.client.offer("standard", [OLAV], service=f"4713-{day}")
    exchanged = story.change(order, replace(_tickets(story, order, "olav"), noon), refund_price_difference=False)
    story.expect(exchanged, "done")
    _check("kept and paid back", _decided(exchanged["quote"]), ("50.00", "0.00"))


def _cancel_ida(story: StoryRunner, order: str) -> Json:
    """Remove Ida's ticket, which takes her meal along; return the quote of the draft."""
    story.say("Ida stays at home; ticket and meal are paid back, less the fee.")
    cancelled = story.change(order, remove(_tickets(story, order, "ida")), refund_price_difference=True)
    story.expect(cancelled, "done")
    quote: Json = cancelled["quote"]
    _check("kept and paid back", _decided(quote), ("50.00", "188.50"))
    return quote


def _sell(story: StoryRunner, day: date) -> str:
    """Sell three tickets in one change: Maria's with a seat of her choice and a meal, Ida's with a meal."""
    ida = {"id": "ida", "birth_date": f"{day.year - 7}-01-15"}
    wishes: list[tuple[str, dict[str, str], Json]] = [
        ("standard", MARIA, {"seats": [WINDOW], "supplements": [MEAL]}),
        ("flexible", OLAV, {}),
        ("standard", ida, {"supplements": [MEAL]}),
    ]
    train = f"4711-{day}"
    tickets = [
        add(story.client.offer(product, [who], service=train), named([who]), **more) for product, who, more in wishes
    ]
    order = story.client.order("NOK", "demo-family")
    story.expect(story.change(order, *tickets, confirm=True, payment=CARD), "done")
    return order


def _lines_of(order: Json, traveller: str) -> list[Json]:
    return [line for line in order["lines"] if traveller in line["travellers"]]


def _tickets(story: StoryRunner, order: str, traveller: str) -> list[str]:
    """Return the ids of a traveller's lines that are no supplements; a supplement goes where its ticket goes."""
    lines = _lines_of(story.client.show(order), traveller)
    return [line["id"] for line in lines if line["supplement_of"] is None]


def _seats(order: Json, traveller: str) -> list[str]:
    held = {seat for line in _lines_of(order, traveller) for seat in line["reservations"]}
    return [seat["seat"] for seat in order["reservations"] if seat["id"] in held]


def _decided(quote: Json) -> tuple[str, str]:
    return quote["not_refundable"], quote["to_refund"]


def _per_rate(priced: Json) -> dict[str, str]:
    return {each["rate"]: str(amount_at(each)) for each in priced["taxes"]}


def _check(what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise StoryError(f"{what}: expected {expected}, got {actual}")
