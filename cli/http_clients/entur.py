"""A client of our Entur façade, such as a sales channel written for Entur."""

from cli.http_clients.base import FacadeClient
from cli.http_clients.responses import Json

HEADERS = {
    "Entur-Distribution-Channel": "WAY:DistributionChannel:App",
    "Entur-Pos": "demo",
    "ET-Client-Name": "changeover-demo",
}


class EnturClient(FacadeClient):
    """Adds offers, changes lines and confirms orders in Entur's format."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address}/sales", HEADERS)

    def reserve(self, offer: str) -> Json:
        """Create an order with an offer."""
        return self.send("POST", "/v1/reserve-offers", {"offerConfigurations": [{"offerId": offer}]})

    def update(self, order: str, line: str, offer: str) -> Json:
        """Replace a line by an offer; the response may be an error with a code."""
        configuration = {"offerId": offer, "orderLineId": line}
        return self.send("POST", "/v1/update-order", {"orderId": order, "offerConfigurations": [configuration]})

    def confirm(self, order: str) -> Json:
        """Confirm the draft."""
        return self.send("POST", f"/v1/orders/{order}/orderlines/confirm")

    def show(self, order: str) -> Json:
        """Return the current state of an order."""
        return self.send("GET", f"/v1/orders/{order}")
