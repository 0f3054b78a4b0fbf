"""A small client of the native API, as a sales channel would have: every request under its own key."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx2

Json = dict[str, Any]
ENDED = ("done", "refused", "undone")
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 30


class ShopError(Exception):
    """The API answered something a shop does not expect."""


class Shop:
    """Sells and changes orders through HTTP."""

    def __init__(self, address: str) -> None:
        self._http = httpx2.Client(base_url=address, timeout=40)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def order(self, currency: str, reference: str) -> str:
        """Make an empty order and return its number."""
        made = self._post("/v1/orders", {"currency": currency, "external_reference": reference})
        return str(made.json()["number"])

    def show(self, order: str) -> Json:
        """Return an order as it stands."""
        return self._json(self._http.get(f"/v1/orders/{order}"))

    def offer(self, product: str, travellers: Sequence[Mapping[str, str]], **where: str) -> str:
        """Search and return the id of the one bundle found."""
        return str(self.find(product, travellers, **where)["id"])

    def find(self, product: str, travellers: Sequence[Mapping[str, str]], **where: str) -> Json:
        """Search and return the one bundle found."""
        wanted = {"product": product, "travellers": [dict(each) for each in travellers], **where}
        found = self._json(self._http.post("/v1/offers", json=wanted))["offer_bundles"]
        if len(found) != 1:
            raise ShopError(f"expected one bundle of {product}, found {len(found)}")
        bundle: Json = found[0]
        return bundle

    def run(self, path: str, body: Json) -> Json:
        """Ask something of an order and wait for its answer."""
        return self._json(self._post(path, body))

    def ask(self, path: str, body: Json | None, watch: Callable[[Json], None]) -> Json:
        """Ask something of an order and watch its steps until it has ended. No body asks to discard its draft."""
        accepted = self._send("DELETE" if body is None else "POST", path, body, {"Prefer": "respond-async"})
        where = accepted.headers["Location"]
        while True:
            change = self._json(self._http.get(where))
            watch(change)
            if change["state"] in ENDED:
                return change
            time.sleep(POLL_SECONDS)

    def stuck(self, order: str) -> Json:
        """Return an order's stuck step, and what is left."""
        return self._json(self._http.get(f"/v1/orders/{order}/attention"))

    def retry_now(self, order: str, reason: str) -> None:
        """Have an order's stuck step tried again at once; nothing to do when it has come through meanwhile."""
        answer = self._http.post(f"/v1/orders/{order}/attention/retry-now", json={"reason": reason})
        if answer.is_error and answer.json().get("code") != "NOTHING_STUCK":
            raise ShopError(f"retry-now: {answer.status_code} {answer.json().get('code')}")

    def _post(self, path: str, body: Json) -> httpx2.Response:
        return self._send("POST", path, body, {})

    def _send(self, method: str, path: str, body: Json | None, headers: Mapping[str, str]) -> httpx2.Response:
        sent = {"Idempotency-Key": str(uuid.uuid4())} | dict(headers)
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._http.request(method, path, json=body, headers=sent)
            # Kept but not started: the same key makes sending it again safe.
            if answer.status_code != httpx2.codes.SERVICE_UNAVAILABLE or time.monotonic() > give_up:
                break
            time.sleep(1)
        if answer.is_error:
            raise ShopError(f"{path}: {answer.status_code} {answer.json().get('code')}")
        return answer

    @staticmethod
    def _json(answer: httpx2.Response) -> Json:
        if answer.is_error:
            raise ShopError(f"{answer.url.path}: {answer.status_code} {answer.json().get('code')}")
        found: Json = answer.json()
        return found
