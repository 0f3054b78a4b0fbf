"""A client of the native API, for the demo and for operators' commands. Each request has an idempotency key."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence

import httpx2

from cli.http_clients.change_stream import StreamEvent, follow
from cli.http_clients.responses import Json, ShopError, document, has_ended, raise_for_problem

ENDED = ("done", "refused", "undone")
POLL_SECONDS = 0.05
RETRY_SECONDS = 30
"""How long a request is retried while the API is unreachable or answers 503."""


class NativeClient:
    """Sells, changes and operates orders through HTTP. Raises ShopError, and httpx2's TransportError."""

    def __init__(self, address: str, key: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx2.Client(base_url=address, timeout=40, headers=headers)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def order(self, currency: str, reference: str) -> str:
        """Create an empty order and return its number."""
        return str(self.run("/v1/orders", {"currency": currency, "external_reference": reference})["number"])

    def show(self, order: str) -> Json:
        """Return the current state of an order."""
        return self._get(f"/v1/orders/{order}")

    def change(self, change: str) -> Json:
        """Return the current state of a change."""
        return self._get(f"/v1/changes/{change}")

    def attention(self) -> Json:
        """Return the orders that need attention, and the discrepancies."""
        return self._get("/v1/attention")

    def stuck(self, order: str) -> Json:
        """Return an order's stuck step and its unsettled items."""
        return self._get(f"/v1/orders/{order}/attention")

    def resolve(self, order: str, action: str, reason: str) -> None:
        """Resolve an order's stuck step with the action `retry-now` or `done-by-hand`."""
        self._send("POST", f"/v1/orders/{order}/attention/{action}", {"reason": reason})

    def close_dispute(self, order: str, dispute: str, reason: str) -> None:
        """Close the case of an order's dispute."""
        body = {"dispute": dispute, "reason": reason}
        self._send("POST", f"/v1/orders/{order}/attention/close-dispute", body)

    def offer(self, product: str, travellers: Sequence[Mapping[str, str]], **where: str | bool) -> str:
        """Search offers and return the id of the only bundle."""
        return str(self.find(product, travellers, **where)["id"])

    def find(self, product: str, travellers: Sequence[Mapping[str, str]], **where: str | bool) -> Json:
        """Search offers and return the only bundle. Raises ShopError for none or several."""
        query = {"product": product, "travellers": [dict(each) for each in travellers], **where}
        bundles = document(self._http.post("/v1/offers", json=query))["offer_bundles"]
        if len(bundles) != 1:
            raise ShopError(f"expected one bundle of {product}, got {len(bundles)}")
        bundle: Json = bundles[0]
        return bundle

    def run(self, path: str, body: Json) -> Json:
        """Send a request and wait for its response."""
        return document(self._send("POST", path, body))

    def run_watched(self, path: str, body: Json | None, watch: Callable[[Json], None]) -> Json:
        """Send a request and poll its change until it has ended. No body means DELETE: discard the draft."""
        change_id = self.submit("DELETE" if body is None else "POST", path, body)
        while True:
            change = self.change(change_id)
            watch(change)
            if change["state"] in ENDED:
                return change
            time.sleep(POLL_SECONDS)

    def submit(self, method: str, path: str, body: Json | None = None) -> str:
        """Send a request and return the id of its change as soon as the API has accepted it."""
        return str(document(self._send(method, path, body, {"Prefer": "respond-async"}))["change"])

    def follow(self, change: str) -> Iterator[StreamEvent]:
        """Yield the events of a change until it has ended; an interrupted stream is resumed."""
        return follow(self._http, change, RETRY_SECONDS)

    def _get(self, path: str) -> Json:
        return document(self._http.get(path))

    def _send(
        self, method: str, path: str, body: Json | None, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """Send a request under one idempotency key, and retry it for 30 seconds while the API does not answer."""
        all_headers = {"Idempotency-Key": str(uuid.uuid4())} | dict(headers or {})
        deadline, sent_before = time.monotonic() + RETRY_SECONDS, False
        while True:
            try:
                response = self._http.request(method, path, json=body, headers=all_headers)
                waits = response.status_code == httpx2.codes.SERVICE_UNAVAILABLE and not has_ended(response)
                if not waits or time.monotonic() > deadline:
                    return raise_for_problem(response)
            except httpx2.TransportError as error:
                never_connected = isinstance(error, httpx2.ConnectError) and not sent_before
                if never_connected or time.monotonic() > deadline:
                    raise
            sent_before = True
            time.sleep(1)
