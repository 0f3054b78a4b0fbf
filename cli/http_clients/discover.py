"""A client of our discover.swiss façade, such as a point of sale written for the original API."""

from cli.http_clients.base import FacadeClient
from cli.http_clients.responses import Json

ZONE = "Accept-Timezone"
WEST = {ZONE: "Etc/GMT+6"}
"""In this time zone two of the times in discover.swiss's document are right."""


class DiscoverClient(FacadeClient):
    """Creates orders in discover.swiss's format."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address}/b2bmarket/v1", WEST)

    def order(self, items: list[Json]) -> Json:
        """Create an order with items and return it."""
        order: Json = self.send("POST", "/orders", {"orderedItem": items})["order"]
        return order
