"""What the demo's small clients of other people's APIs share."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx2

from cli.http_clients.responses import Json


class FacadeClient:
    """Sends bodies as they are below a path of the API, and returns what is answered."""

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        self._http = httpx2.Client(base_url=address, headers=headers, timeout=40)

    def __enter__(self) -> Self:
        """Use it within a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def send(self, method: str, path: str, body: Json | None = None, **headers: str) -> Json:
        """Send a request and return the answer, which may be an error with a code."""
        answer: Json = self._http.request(method, path, json=body, headers=headers).json()
        return answer
