"""A small client of discover.swiss's routes, as a point of sale written for the original would have."""

from types import TracebackType
from typing import Self

import httpx2

from cli.shop import Json

WEST = {"Accept-Timezone": "Etc/GMT+6"}
"""Two times of discover.swiss's document fit this zone."""


class Market:
    """Sends bodies as they are, and returns what is answered."""

    def __init__(self, address: str) -> None:
        self._http = httpx2.Client(base_url=f"{address}/b2bmarket/v1", headers=WEST, timeout=40)

    def __enter__(self) -> Self:
        """Use it within a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def order(self, items: list[Json]) -> Json:
        """Make an order with items."""
        made: Json = self.send("POST", "/orders", {"orderedItem": items})["order"]
        return made

    def send(self, method: str, path: str, body: Json, zone: str | None = None) -> Json:
        """Send a body and return the answer."""
        headers = {"Accept-Timezone": zone} if zone else None
        answer: Json = self._http.request(method, path, json=body, headers=headers).json()
        return answer
