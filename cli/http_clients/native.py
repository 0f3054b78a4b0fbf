"""A small client of the native API, as a sales channel or an operator would have: every request under its own key."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence

import httpx2

from cli.http_clients.change_stream import StreamEvent, follow
from cli.http_clients.responses import Json, ShopError, checked, document

ENDED = ("done", "refused", "undone")
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 30


class NativeClient:
    """Sells, changes and looks after orders through HTTP. Raises ShopError, and httpx2's TransportError."""

    def __init__(self, address: str, key: str = "") -> None:
        known = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx2.Client(base_url=address, timeout=40, headers=known)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def order(self, currency: str, reference: str) -> str:
        """Make an empty order and return its number."""
        return str(self.run("/v1/orders", {"currency": currency, "external_reference": reference})["number"])

    def show(self, order: str) -> Json:
        """Return an order as it stands."""
        return self._get(f"/v1/orders/{order}")

    def change(self, change: str) -> Json:
        """Return a change as it stands."""
        return self._get(f"/v1/changes/{change}")

    def attention(self) -> Json:
        """Return what waits for an operator."""
        return self._get("/v1/attention")

    def stuck(self, order: str) -> Json:
        """Return an order's stuck step, and what is left."""
        return self._get(f"/v1/orders/{order}/attention")

    def help(self, order: str, how: str, reason: str) -> None:
        """Help an order's stuck step: `retry-now` or `done-by-hand`."""
        self._keyed("POST", f"/v1/orders/{order}/attention/{how}", {"reason": reason})

    def offer(self, product: str, travellers: Sequence[Mapping[str, str]], **where: str) -> str:
        """Search and return the id of the one bundle found."""
        return str(self.find(product, travellers, **where)["id"])

    def find(self, product: str, travellers: Sequence[Mapping[str, str]], **where: str) -> Json:
        """Search and return the one bundle found."""
        wanted = {"product": product, "travellers": [dict(each) for each in travellers], **where}
        found = document(self._http.post("/v1/offers", json=wanted))["offer_bundles"]
        if len(found) != 1:
            raise ShopError(f"expected one bundle of {product}, found {len(found)}")
        bundle: Json = found[0]
        return bundle

    def run(self, path: str, body: Json) -> Json:
        """Ask something of an order and wait for its answer."""
        return document(self._keyed("POST", path, body))

    def ask(self, path: str, body: Json | None, watch: Callable[[Json], None]) -> Json:
        """Ask something of an order and look at it until it has ended. No body asks to discard its draft."""
        asked = self.begin("DELETE" if body is None else "POST", path, body)
        while True:
            change = self.change(asked)
            watch(change)
            if change["state"] in ENDED:
                return change
            time.sleep(LOOK_SECONDS)

    def begin(self, method: str, path: str, body: Json | None = None) -> str:
        """Ask something of an order and return its change's id, as soon as it was accepted."""
        return str(document(self._keyed(method, path, body, {"Prefer": "respond-async"}))["change"])

    def follow(self, change: str) -> Iterator[StreamEvent]:
        """Yield what happens to a change until it has ended, resuming by itself."""
        return follow(self._http, change, PATIENCE_SECONDS)

    def _get(self, path: str) -> Json:
        return document(self._http.get(path))

    def _keyed(
        self, method: str, path: str, body: Json | None, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """Send something until it is answered: under one key it is safe to send it again."""
        sent = {"Idempotency-Key": str(uuid.uuid4())} | dict(headers or {})
        give_up, sent_before = time.monotonic() + PATIENCE_SECONDS, False
        while True:
            try:
                answer = self._http.request(method, path, json=body, headers=sent)
                if answer.status_code != httpx2.codes.SERVICE_UNAVAILABLE or time.monotonic() > give_up:
                    return checked(answer)
            except httpx2.TransportError as error:
                nobody_there = isinstance(error, httpx2.ConnectError) and not sent_before
                if nobody_there or time.monotonic() > give_up:
                    raise
            sent_before = True
            time.sleep(1)
