"""A small client of discover.swiss's routes, as a point of sale written for the original would have."""

from cli.http_clients.base import FacadeClient
from cli.http_clients.responses import Json

ZONE = "Accept-Timezone"
WEST = {ZONE: "Etc/GMT+6"}
"""Two times of discover.swiss's document fit this zone."""


class DiscoverClient(FacadeClient):
    """Makes orders, in discover.swiss's words."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address}/b2bmarket/v1", WEST)

    def order(self, items: list[Json]) -> Json:
        """Make an order with items."""
        made: Json = self.send("POST", "/orders", {"orderedItem": items})["order"]
        return made
