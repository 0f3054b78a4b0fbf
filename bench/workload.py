"""Sells and changes orders as fast as it can: through the API, or by asking the order's workflow directly."""

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
from store.database.store import Store
from store.tables import ChangeRow

TRAVELLER = {"id": "maria", "birth_date": "1990-05-04"}
NAMED = {"id": "maria", "given_name": "Maria", "family_name": "Li"}
OK, REFUSED = "tok_ok", "tok_refuse_capture"
WAIT = timedelta(seconds=30)
_DAYS = 50


@dataclass(frozen=True)
class ChangeSpec:
    """What is asked of an order: a bundle to add, or to put in the place of all its lines."""

    product: str
    train: str
    adds: bool = False
    token: str | None = None
    """How to pay. With it the change is made in one go; without it goes into the draft."""
    refund: bool = False
    code: str | None = None
    """The refusal that is expected."""


@dataclass
class BenchOrder:
    """One order on its way through the bench."""

    order: str
    number: int
    lines: Sequence[str] = ()
    bodies: dict[ChangeSpec, Json] = field(default_factory=dict)


class Workload:
    """Asks through the API."""

    via = "api"

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def create_order(self, number: int) -> BenchOrder:
        """Make an empty order."""
        answer = await self._post("/v1/orders", {"currency": "NOK", "distribution_channel": "bench"})
        return BenchOrder(str(document(answer)["number"]), number)

    async def prepare(self, course: BenchOrder, wish: ChangeSpec) -> None:
        """Find the bundle a wish will take."""
        day = datetime.now(UTC).date() + timedelta(days=2 + course.number % _DAYS)  # noqa: TID251 - the shop's calendar
        search = {"product": wish.product, "service": f"{wish.train}-{day}", "travellers": [TRAVELLER]}
        (bundle,) = document(await self.http.post("/v1/offers", json=search))["offer_bundles"]
        course.bodies[wish] = _body(wish, course, str(bundle["id"]))

    async def change(self, course: BenchOrder, wish: ChangeSpec) -> None:
        """Ask for what was prepared, and see that it ends as expected."""
        await self._ask(course, f"/v1/orders/{course.order}/changes", course.bodies.pop(wish), wish.code)

    async def confirm(self, course: BenchOrder) -> None:
        """Confirm the draft."""
        await self._ask(course, f"/v1/orders/{course.order}/confirm", {"payment": _card(OK)}, None)

    async def discard(self, course: BenchOrder) -> None:
        """Discard the draft."""
        answer = await self.http.delete(f"/v1/orders/{course.order}/draft", headers={"Prefer": "wait=30"})
        if answer.json().get("state") != ChangeState.DONE:
            raise AssertionError(f"discard: {answer.text}")

    async def _ask(self, course: BenchOrder, path: str, body: Json, code: str | None) -> None:
        answer = (await self._post(path, body)).json()
        if answer.get("code") != code or (code is None and answer["state"] != ChangeState.DONE):
            raise AssertionError(f"{path}: {answer.get('state')} {answer.get('code')}")
        course.lines = answer.get("lines") or course.lines

    async def _post(self, path: str, body: Json) -> httpx2.Response:
        headers = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": "wait=30"}
        return await self.http.post(path, json=body, headers=headers)


@asynccontextmanager
async def connect_workload(address: str, key: str) -> AsyncIterator[Workload]:
    """Connect to an API that knows us by a key."""
    async with open_http_client(address) as http:
        http.headers["Authorization"] = f"Bearer {key}"
        yield Workload(http)


def open_http_client(address: str) -> httpx2.AsyncClient:
    """Return a client for as many callers as there ever are."""
    limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
    return httpx2.AsyncClient(base_url=address, timeout=60, limits=limits)


class Direct:
    """Asks the workflow, as the API does once it has written a request down."""

    via = "direct"

    def __init__(self, engine: OrderWorkflowClient, store: Store, tenant: str) -> None:
        self._engine, self._store, self._tenant = engine, store, tenant

    def store_request(self, course: BenchOrder, wish: ChangeSpec) -> SubmitRequest:
        """Write a request down; not part of what is measured."""
        body, change = course.bodies.pop(wish), str(uuid.uuid4())
        request = ChangeRequest.model_validate({"kind": ChangeKind.CHANGE, **body})
        row = ChangeRow(
            tenant=self._tenant,
            id=change,
            order_number=course.order,
            route="bench",
            fingerprint="",
            kind=ChangeKind.CHANGE,
            request=request.model_dump_json(by_alias=True),
            state=ChangeState.WAITING,
            created_at=self._store.now(),
        )
        with self._store.write() as tx:
            changes.add(tx, row)
        return SubmitRequest(ChangeKind.CHANGE, change, course.order, "bench", change)

    async def change(self, request: SubmitRequest) -> None:
        """Ask for what was written down."""
        await self._engine.submit(request, WAIT)

    def check(self, course: BenchOrder, request: SubmitRequest, wish: ChangeSpec) -> None:
        """See that it ended as expected."""
        with self._store.read() as tx:
            outcome = changes.outcome_of(changes.existing(tx, request.change))
        if outcome is None or outcome.code != wish.code:
            raise AssertionError(f"{request.change}: {outcome}")
        course.lines = outcome.lines or course.lines


def _body(wish: ChangeSpec, course: BenchOrder, bundle: str) -> Json:
    taken: Json = {"offer_bundle_id": bundle}
    adds = {"op": "add_lines", **taken, "travellers": [NAMED]}
    puts = {"op": "replace_lines", "lines": list(course.lines), "with": [taken]}
    body: Json = {"operations": [adds if wish.adds else puts]}
    if wish.refund:
        body["refund_price_difference"] = True
    return body | ({"confirm": True, "payment": _card(wish.token)} if wish.token else {})


def _card(token: str) -> Json:
    return {"method": "card", "token": token}
