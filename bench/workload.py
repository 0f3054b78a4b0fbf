"""Sells and changes orders: through the API, or by submitting requests to the order's workflow directly."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx2

from api.workflow_client import OrderWorkflowClient, SubmitRequest
from cli.http_clients.responses import Json, document
from domain.changes import ChangeKind, ChangeRequest, ChangeState
from store.changes import changes
from store.database.documents import to_document
from store.database.store import Store
from store.tables import ChangeRow

TRAVELLER = {"id": "maria", "birth_date": "1990-05-04"}
NAMED = {"id": "maria", "given_name": "Maria", "family_name": "Li"}
OK, REFUSED = "tok_ok", "tok_refuse_capture"
WAIT = timedelta(seconds=30)
_DAYS = 50


@dataclass(frozen=True)
class ChangeSpec:
    """A kind of change: adds a bundle to an order, or replaces all its lines by one."""

    product: str
    train: str
    adds: bool = False
    token: str | None = None
    """The payment's token. With it the change runs in one go; without it goes into the draft."""
    refund: bool = False
    code: str | None = None
    """The refusal that is expected."""


@dataclass
class BenchOrder:
    """One order of the bench: its number, its index, its current lines and the prepared request bodies."""

    order: str
    number: int
    lines: Sequence[str] = ()
    bodies: dict[ChangeSpec, Json] = field(default_factory=dict)


class Workload:
    """Sends requests through the API."""

    via = "api"

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def create_order(self, number: int) -> BenchOrder:
        """Create an empty order."""
        answer = await self._post("/v1/orders", {"currency": "NOK", "distribution_channel": "bench"})
        return BenchOrder(str(document(answer)["number"]), number)

    async def prepare(self, bench_order: BenchOrder, spec: ChangeSpec) -> None:
        """Search the bundle of a change and keep the request's body."""
        day = datetime.now(UTC).date() + timedelta(days=2 + bench_order.number % _DAYS)  # noqa: TID251 - the client's calendar
        search = {"product": spec.product, "service": f"{spec.train}-{day}", "travellers": [TRAVELLER]}
        (bundle,) = document(await self.http.post("/v1/offers", json=search))["offer_bundles"]
        bench_order.bodies[spec] = _body(spec, bench_order, str(bundle["id"]))

    async def change(self, bench_order: BenchOrder, spec: ChangeSpec) -> None:
        """Send the prepared change, and check that it ends as expected."""
        await self._send(
            bench_order, f"/v1/orders/{bench_order.order}/changes", bench_order.bodies.pop(spec), spec.code
        )

    async def confirm(self, bench_order: BenchOrder) -> None:
        """Confirm the draft."""
        await self._send(bench_order, f"/v1/orders/{bench_order.order}/confirm", {"payment": _card(OK)}, None)

    async def discard(self, bench_order: BenchOrder) -> None:
        """Discard the draft."""
        answer = await self.http.delete(f"/v1/orders/{bench_order.order}/draft", headers={"Prefer": "wait=30"})
        if answer.json().get("state") != ChangeState.DONE:
            raise AssertionError(f"discard: {answer.text}")

    async def _send(self, bench_order: BenchOrder, path: str, body: Json, code: str | None) -> None:
        answer = (await self._post(path, body)).json()
        if answer.get("code") != code or (code is None and answer["state"] != ChangeState.DONE):
            raise AssertionError(f"{path}: {answer.get('state')} {answer.get('code')}")
        # A change that goes back to what was confirmed adds no line.
        restored = [line for each in answer.get("replaced", []) for line in each["by"]]
        bench_order.lines = answer.get("lines") or restored or bench_order.lines

    async def _post(self, path: str, body: Json) -> httpx2.Response:
        headers = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": "wait=30"}
        return await self.http.post(path, json=body, headers=headers)


@asynccontextmanager
async def connect_workload(address: str, key: str) -> AsyncIterator[Workload]:
    """Connect to an API with a key."""
    async with open_http_client(address) as http:
        http.headers["Authorization"] = f"Bearer {key}"
        yield Workload(http)


def open_http_client(address: str) -> httpx2.AsyncClient:
    """Return an HTTP client with a connection for each of up to 64 callers."""
    limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
    return httpx2.AsyncClient(base_url=address, timeout=60, limits=limits)


class Direct:
    """Submits requests to the workflow, as the API does once it has recorded a request."""

    via = "direct"

    def __init__(self, workflow_client: OrderWorkflowClient, store: Store, tenant: str) -> None:
        self._workflow_client, self._store, self._tenant = workflow_client, store, tenant

    def store_request(self, bench_order: BenchOrder, spec: ChangeSpec) -> SubmitRequest:
        """Record a request; this is not measured."""
        body, change = bench_order.bodies.pop(spec), str(uuid.uuid4())
        request = ChangeRequest.model_validate({"kind": ChangeKind.CHANGE, **body})
        row = ChangeRow(
            tenant=self._tenant,
            id=change,
            order_number=bench_order.order,
            route="bench",
            fingerprint="",
            kind=ChangeKind.CHANGE,
            request=to_document(request),
            state=ChangeState.WAITING,
            created_at=self._store.now(),
        )
        with self._store.write() as tx:
            changes.add(tx, row)
        return SubmitRequest(ChangeKind.CHANGE, change, bench_order.order, "bench", change)

    async def change(self, request: SubmitRequest) -> None:
        """Submit a recorded request."""
        await self._workflow_client.submit(request, WAIT)

    def check(self, bench_order: BenchOrder, request: SubmitRequest, spec: ChangeSpec) -> None:
        """Check that a request ended as expected."""
        with self._store.read() as tx:
            outcome = changes.outcome_of(changes.existing(tx, request.change))
        if outcome is None or outcome.code != spec.code:
            raise AssertionError(f"{request.change}: {outcome}")
        restored = [line for each in outcome.replaced for line in each.replacements]
        bench_order.lines = outcome.lines or restored or bench_order.lines


def _body(spec: ChangeSpec, bench_order: BenchOrder, bundle: str) -> Json:
    taken: Json = {"offer_bundle_id": bundle}
    adds = {"op": "add_lines", **taken, "travellers": [NAMED]}
    puts = {"op": "replace_lines", "lines": list(bench_order.lines), "with": [taken]}
    body: Json = {"operations": [adds if spec.adds else puts]}
    if spec.refund:
        body["refund_price_difference"] = True
    return body | ({"confirm": True, "payment": _card(spec.token)} if spec.token else {})


def _card(token: str) -> Json:
    return {"method": "card", "token": token}
