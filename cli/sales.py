"""A small client of Entur's routes, as a channel written for Entur would have."""

from types import TracebackType
from typing import Self

import httpx2

from cli.shop import Json

HEADERS = {
    "Entur-Distribution-Channel": "WAY:DistributionChannel:App",
    "Entur-Pos": "demo",
    "ET-Client-Name": "changeover-demo",
}


class Sales:
    """Adds offers, changes lines and confirms, in Entur's words."""

    def __init__(self, address: str) -> None:
        self._http = httpx2.Client(base_url=f"{address}/sales", headers=HEADERS, timeout=40)

    def __enter__(self) -> Self:
        """Use it within a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def reserve(self, offer: str) -> Json:
        """Add an offer to a new order."""
        return self._post("/v1/reserve-offers", {"offerConfigurations": [{"offerId": offer}]})

    def update(self, order: str, line: str, offer: str) -> Json:
        """Put an offer in the place of a line; the answer may be an error with a code."""
        configuration = {"offerId": offer, "orderLineId": line}
        return self._post("/v1/update-order", {"orderId": order, "offerConfigurations": [configuration]})

    def confirm(self, order: str) -> Json:
        """Confirm the draft."""
        return self._post(f"/v1/orders/{order}/orderlines/confirm", None)

    def show(self, order: str) -> Json:
        """Return an order as it stands."""
        shown: Json = self._http.get(f"/v1/orders/{order}").json()
        return shown

    def _post(self, path: str, body: Json | None) -> Json:
        answer: Json = self._http.post(path, json=body).json()
        return answer
