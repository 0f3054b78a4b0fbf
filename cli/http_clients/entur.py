"""A small client of Entur's routes, as a channel written for Entur would have."""

from cli.http_clients.base import FacadeClient
from cli.http_clients.responses import Json

HEADERS = {
    "Entur-Distribution-Channel": "WAY:DistributionChannel:App",
    "Entur-Pos": "demo",
    "ET-Client-Name": "changeover-demo",
}


class EnturClient(FacadeClient):
    """Adds offers, changes lines and confirms, in Entur's words."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address}/sales", HEADERS)

    def reserve(self, offer: str) -> Json:
        """Add an offer to a new order."""
        return self.send("POST", "/v1/reserve-offers", {"offerConfigurations": [{"offerId": offer}]})

    def update(self, order: str, line: str, offer: str) -> Json:
        """Put an offer in the place of a line; the answer may be an error with a code."""
        configuration = {"offerId": offer, "orderLineId": line}
        return self.send("POST", "/v1/update-order", {"orderId": order, "offerConfigurations": [configuration]})

    def confirm(self, order: str) -> Json:
        """Confirm the draft."""
        return self.send("POST", f"/v1/orders/{order}/orderlines/confirm")

    def show(self, order: str) -> Json:
        """Return an order as it stands."""
        return self.send("GET", f"/v1/orders/{order}")
