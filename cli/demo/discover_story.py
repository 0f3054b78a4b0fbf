"""The story of the demo that uses discover.swiss's API: the requests printed in its document, sent unchanged."""

import json
from pathlib import Path

from cli.demo.story_runner import StoryError, StoryRunner
from cli.http_clients.discover import ZONE, DiscoverClient
from cli.http_clients.responses import Json

PRINTED = Path(__file__).parents[2] / "examples" / "discover"


def run_discover_requests(story: StoryRunner, address: str) -> None:
    """Change three items of one order with the four requests of the document; only the bundle ids are ours."""
    story.title(8, "discover.swiss: the requests of its document, and our answers")
    with DiscoverClient(address) as client:
        cards = [_printed("4-travellers.request") | {"offerBundleId": None} for _ in range(3)]
        for card in cards:
            card["orderedItem"] |= {"product": {"identifier": "nova_zurichcard72"}, "validFrom": "2021-10-15T00:00:00"}
        order = client.order(cards)
        number = order["orderNumber"]
        swapped = _put(story, client, f"{number}-3", _printed("1-new-product.request"), zone="UTC")
        _check(swapped, 46.0, 3.542)
        same = _printed("2-same-bundle.request") | {"offerBundleId": order["orderedItem"][1]["offerBundleId"]}
        _check(_put(story, client, f"{number}-2", same), 106.0, 8.162)
        path, search = f"/orders/{number}/offers", _printed("3-offers.request")
        offers = client.send("POST", path, search)
        story.show(f"POST {path}", search, offers)
        selected = _printed("4-travellers.request") | {"offerBundleId": offers["offerBundle"][0]["id"]}
        _check(_put(story, client, f"{number}-1", selected), 106.0, 8.162)
        story.order(number)


def _put(story: StoryRunner, client: DiscoverClient, item: str, body: Json, zone: str | None = None) -> Json:
    path = f"/orders/{item.rpartition('-')[0]}/items/{item}"
    answer = client.send("PUT", path, body, **({ZONE: zone} if zone else {}))
    story.show(f"PUT {path}", body, answer)
    return answer


def _printed(name: str) -> Json:
    body: Json = json.loads((PRINTED / f"{name}.json").read_text(encoding="utf-8"))
    return body


def _check(answer: Json, amount: float, tax: float) -> None:
    item = answer["orderItem"]
    actual = (item["orderItemStatus"], item["amountCHF"], item["taxCHF"], answer["validationMessages"])
    if actual != ("Placed", amount, tax, []):
        raise StoryError(f"expected {amount} and tax {tax}, got {actual}")
