"""The base class of the demo's clients of the façades (Entur, discover.swiss)."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx2

from cli.http_clients.responses import Json


class FacadeClient:
    """Sends JSON bodies to paths below an address, and returns the JSON of the responses."""

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        self._http = httpx2.Client(base_url=address, headers=headers, timeout=40)

    def __enter__(self) -> Self:
        """Use the client within a block, which closes its connections."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def send(self, method: str, path: str, body: Json | None = None, **headers: str) -> Json:
        """Send a request and return the JSON of the response, which may be an error with a code."""
        response: Json = self._http.request(method, path, json=body, headers=headers).json()
        return response
