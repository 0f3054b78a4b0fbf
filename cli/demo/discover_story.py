"""The demo's last story: the requests printed in discover.swiss's document, sent as they are."""

import json
from pathlib import Path

from cli.demo.story_runner import StoryError, StoryRunner
from cli.http_clients.discover import ZONE, DiscoverClient
from cli.http_clients.responses import Json

PRINTED = Path(__file__).parents[2] / "examples" / "discover"


def discover_as_printed(stage: StoryRunner, address: str) -> None:
    """Change three items of one order by the document's four requests; only bundle ids are ours."""
    stage.title(8, "discover.swiss: the document's own requests, and our answers")
    with DiscoverClient(address) as market:
        cards = [_printed("4-travellers.request") | {"offerBundleId": None} for _ in range(3)]
        for card in cards:
            card["orderedItem"] |= {"product": {"identifier": "nova_zurichcard72"}, "validFrom": "2021-10-15T00:00:00"}
        order = market.order(cards)
        number = order["orderNumber"]
        swapped = _put(stage, market, f"{number}-3", _printed("1-new-product.request"), zone="UTC")
        _check(swapped, 46.0, 3.542)
        same = _printed("2-same-bundle.request") | {"offerBundleId": order["orderedItem"][1]["offerBundleId"]}
        _check(_put(stage, market, f"{number}-2", same), 106.0, 8.162)
        path, search = f"/orders/{number}/offers", _printed("3-offers.request")
        found = market.send("POST", path, search)
        stage.show(f"POST {path}", search, found)
        taken = _printed("4-travellers.request") | {"offerBundleId": found["offerBundle"][0]["id"]}
        _check(_put(stage, market, f"{number}-1", taken), 106.0, 8.162)
        stage.order(number)


def _put(stage: StoryRunner, market: DiscoverClient, item: str, body: Json, zone: str | None = None) -> Json:
    path = f"/orders/{item.rpartition('-')[0]}/items/{item}"
    answer = market.send("PUT", path, body, **({ZONE: zone} if zone else {}))
    stage.show(f"PUT {path}", body, answer)
    return answer


def _printed(name: str) -> Json:
    body: Json = json.loads((PRINTED / f"{name}.json").read_text(encoding="utf-8"))
    return body


def _check(answer: Json, amount: float, tax: float) -> None:
    item = answer["orderItem"]
    found = (item["orderItemStatus"], item["amountCHF"], item["taxCHF"], answer["validationMessages"])
    if found != ("Placed", amount, tax, []):
        raise StoryError(f"expected {amount} and tax {tax}, found {found}")
