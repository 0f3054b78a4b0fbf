"""The whole service as its clients use it: HTTP in front, a real worker, a real store, real Temporal."""

import asyncio
import contextlib
import itertools
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as replace_
from datetime import datetime, timedelta
from typing import Any

import httpx2
from sqlmodel import col, func, select
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RetryConfig

from api.app import create_app
from api.context import ApiContext
from api.settings import DeskSettings
from api.workflow_client import OrderWorkflowClient
from cli.faults.injector import Faults
from domain.changes import OUTCOMES
from runtime.bootstrap import Components
from store.database.store import Store
from store.orders.snapshot import snapshot
from store.tables import (
    ChangeRow,
    EmbeddedPaymentRow,
    LedgerRow,
    OrderRow,
    PaymentRow,
    SeatHoldRow,
    SeatRow,
    ServiceRow,
)
from telemetry.loopback import HOST, free_port
from temporal.data_converter import DATA_CONVERTER
from temporal.names import draft_id
from tests.support.canary import ADULT, BORN, BORN_CHILD, CHILD, FAMILY, FAMILY_TOO, GIVEN, GIVEN_TOO, THIRD
from tests.support.leak_detection import search_answer
from workflows.order_draft import OrderDraft

Json = dict[str, Any]
_KINDS = ("capture", "refund")
TENANT = "default"
CARD = {"method": "card", "token": "tok_ok"}
DECLINED = {"method": "card", "token": "tok_decline"}
PEOPLE = {
    ADULT: {"id": ADULT, "given_name": GIVEN, "family_name": FAMILY, "birth_date": BORN.isoformat()},
    CHILD: {"id": CHILD, "given_name": GIVEN_TOO, "family_name": FAMILY_TOO, "birth_date": BORN_CHILD.isoformat()},
    THIRD: {"id": THIRD, "given_name": GIVEN, "family_name": FAMILY_TOO, "birth_date": BORN.isoformat()},
}


def people(*ids: str) -> list[Json]:
    """Return travellers with all members that an order needs."""
    return [dict(PEOPLE[each]) for each in ids]


def add(bundle: str, *travellers: str, **more: Any) -> Json:
    """Return the operation that adds a bundle."""
    return {"op": "add_lines", "offer_bundle_id": bundle, "travellers": people(*travellers), **more}


def replace(lines: Sequence[str], *bundles: str, **more: Any) -> Json:
    """Return the operation that replaces lines by bundles."""
    replacements = [{"offer_bundle_id": bundle, **more} for bundle in bundles]
    return {"op": "replace_lines", "lines": list(lines), "with": replacements}


def backdate(store: Store, change: str) -> None:
    """Make a request an hour older."""
    with store.write() as tx:
        tx.get_one(ChangeRow, change).created_at -= timedelta(hours=1)


@dataclass
class Answer:
    """An answer of the API: HTTP status, JSON body and headers."""

    status: int
    body: Json
    headers: Mapping[str, str]

    @property
    def code(self) -> str | None:
        """The code, if the answer is a problem."""
        code: str | None = self.body.get("code")
        return code

    @property
    def change(self) -> str:
        """The id of the change that the answer is about."""
        return str(self.body["change"])


@dataclass
class World:
    """One installation, shared by the tests of one database; every test uses its own orders and trains."""

    components: Components
    client: Client
    http: httpx2.AsyncClient
    faults: Faults
    reusable_orders: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Orders prepared for a scenario whose request was then undone, by scenario: other tests may use them."""
    _trains: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @asynccontextmanager
    async def with_short_submit_timeout(self) -> AsyncIterator["World"]:
        """Another API on the same store and Temporal, which retries a full queue for 300 ms only."""
        async with self.with_api(
            workflow_client=OrderWorkflowClient(self.client, retry_for=timedelta(milliseconds=300))
        ) as world:
            yield world

    @asynccontextmanager
    async def without_temporal(self, **overrides: Any) -> AsyncIterator["World"]:
        """Another API on the same store that cannot connect to Temporal, with these fields of its context replaced."""
        options: dict[str, Any] = {"lazy": True, "retry_config": RetryConfig(max_retries=0)}
        nowhere = await Client.connect(f"{HOST}:{free_port()}", data_converter=DATA_CONVERTER, **options)
        async with self.with_api(workflow_client=OrderWorkflowClient(nowhere), **overrides) as world:
            yield world

    def backdate(self, change: str) -> None:
        """Make a request an hour older."""
        backdate(self.components.store, change)

    @asynccontextmanager
    async def with_api(self, **overrides: Any) -> AsyncIterator["World"]:
        """Another API on the same store and Temporal, with these fields of its context replaced."""
        default = ApiContext(
            unscoped_store=self.components.store,
            offers=self.components.offers,
            inventory=self.components.inventory,
            workflow_client=OrderWorkflowClient(self.client, self.components.external_systems),
            tenant=TENANT,
            desk=DeskSettings(frozenset({"changeover"})),
        )
        transport = httpx2.ASGITransport(create_app(replace_(default, **overrides)))
        hooks, base = {"response": [search_answer]}, "http://changeover"
        async with httpx2.AsyncClient(transport=transport, base_url=base, timeout=60, event_hooks=hooks) as http:
            yield replace_(self, http=http)

    async def post(self, path: str, body: Any, key: str | None = None, **headers: str) -> Answer:
        """Send a POST under the idempotency key given, or a new one."""
        sent = {"Idempotency-Key": key or str(uuid.uuid4())} | {k.replace("_", "-"): v for k, v in headers.items()}
        return _answer(await self.http.post(path, json=body, headers=sent))

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send any other request."""
        sent = {k.replace("_", "-"): v for k, v in headers.items()}
        return _answer(await self.http.request(method, path, json=body, headers=sent))

    async def order(self, currency: str = "NOK") -> str:
        """Create an empty order and return its number."""
        return str((await self.post("/v1/orders", {"currency": currency})).body["number"])

    async def offer(self, product: str, *travellers: str, **where: Any) -> str:
        """Return the id of the only bundle of a product for these travellers, also when nothing is left of it."""
        searched = [{"id": each, "birth_date": PEOPLE[each]["birth_date"]} for each in travellers]
        answer = await self.post("/v1/offers", {"product": product, "travellers": searched, "sold_out": True, **where})
        assert answer.status == httpx2.codes.OK, answer.body
        (bundle,) = answer.body["offer_bundles"]
        return str(bundle["id"])

    @contextmanager
    def clock_at(self, moment: datetime) -> Generator[None]:
        """Set the store's clock, which alone decides what has expired, to an instant within the block."""
        original = self.components.store.now
        self.components.store.now = lambda: moment
        try:
            yield
        finally:
            self.components.store.now = original

    def train(
        self, coaches: int = 2, seats: int = 16, leaves_in: timedelta = timedelta(days=30), line: str = "north"
    ) -> str:
        """Add a train for this test alone on a railway line; return its service id."""
        number = next(self._trains)
        departs = self.components.store.now() + leaves_in
        service = f"T{number}-{uuid.uuid4().hex[:6]}"
        with self.components.store.write() as tx:
            tx.add(ServiceRow(tenant=TENANT, id=service, railway_line=line, departs_at=departs, day=departs.date()))
            for coach, seat in itertools.product(range(1, coaches + 1), range(1, seats + 1)):
                tx.add(SeatRow(tenant=TENANT, service=service, coach=coach, seat=seat, row=(seat - 1) // 4))
        return service

    async def change(self, order: str, *operations: Json, key: str | None = None, **more: Any) -> Answer:
        """Send a change request with these operations."""
        headers = {name: more.pop(name) for name in ("Prefer", "If_Match", "X_Correlation_Id") if name in more}
        body = {"operations": list(operations), **more}
        return await self.post(f"/v1/orders/{order}/changes", body, key, **headers)

    async def confirm(self, order: str, payment: Json | None = None, key: str | None = None) -> Answer:
        """Confirm a draft."""
        return await self.post(f"/v1/orders/{order}/confirm", {"payment": payment} if payment else {}, key)

    async def discard(self, order: str, **headers: str) -> Answer:
        """Discard a draft."""
        return await self.send("DELETE", f"/v1/orders/{order}/draft", **headers)

    async def pay(self, order: str, amount: str, token: str = "tok_ok", currency: str = "NOK") -> Answer:  # noqa: S107 - a test token
        """Authorise a payment; `amount` in major units."""
        body = {"amount": amount, "currency": currency, "method": "card", "token": token}
        return await self.post(f"/v1/orders/{order}/payments", body)

    async def show(self, order: str) -> Json:
        """Return the current order."""
        return (await self.send("GET", f"/v1/orders/{order}")).body

    async def lines(self, order: str) -> list[str]:
        """Return the ids of an order's lines."""
        return [line["id"] for line in (await self.show(order))["lines"]]

    async def sold(self, *travellers: str, product: str = "standard", train: str | None = None) -> str:
        """Sell and confirm an order, on its own train unless one is given; return its number."""
        order = await self.order()
        bundle = await self.offer(product, *travellers, service=train or self.train())
        answer = await self.change(order, add(bundle, *travellers), confirm=True, payment=CARD)
        assert answer.status == httpx2.codes.OK, answer.body
        return order

    async def wait_for_outcome(self, change: str) -> str:
        """Wait until a change has ended and return its state."""
        async with asyncio.timeout(30):
            while True:
                state = str((await self.send("GET", f"/v1/changes/{change}")).body["state"])
                if state in OUTCOMES:
                    return state
                await asyncio.sleep(0.1)

    async def upgrade(self, order: str, **more: Any) -> Answer:
        """Replace every line by a dearer ticket on its own train: 100.00 more for one traveller."""
        bundle = await self.offer("flexible", ADULT, service=self.train())
        return await self.change(order, replace(await self.lines(order), bundle), **more)

    async def open_draft(self) -> tuple[str, str]:
        """Return an order with an open draft of one change, and its snapshot before the change."""
        order = await self.sold(ADULT)
        before = self.snapshot(order)
        answer = await self.upgrade(order)
        assert answer.status == httpx2.codes.OK, answer.body
        return order, before

    def snapshot(self, order: str) -> str:
        """Return an order's state as text."""
        with self.components.store.write() as tx:
            return snapshot(tx, order)

    def changes_of(self, order: str) -> Sequence[ChangeRow]:
        """Return every stored request for an order."""
        with self.components.store.read() as tx:
            return tx.exec(select(ChangeRow).where(ChangeRow.order_number == order)).all()

    def rows(self) -> tuple[int, int]:
        """Return how many orders and changes are stored."""
        with self.components.store.read() as tx:
            orders = tx.exec(select(func.count()).select_from(OrderRow)).one()
            return orders, tx.exec(select(func.count()).select_from(ChangeRow)).one()

    def seats_of(self, order: str) -> list[str]:
        """Return the seats that the embedded inventory's own records hold for an order's changes, with their states."""
        with self.components.store.read() as tx:
            keys = {
                f"{row.id}/reserve_seats" for row in tx.exec(select(ChangeRow).where(ChangeRow.order_number == order))
            }
            rows = tx.exec(select(SeatHoldRow).where(col(SeatHoldRow.key).in_(keys)))
            return sorted(f"{row.service} {row.coach}-{row.seat} {row.state}" for row in rows)

    def at_most_once(self, order: str) -> bool:
        """Whether our records and the payment provider's agree on every payment of an order, without double entries."""
        with self.components.store.read() as tx:
            ours = tx.exec(select(PaymentRow).where(PaymentRow.order_number == order)).all()
            provider = {
                row.key: row
                for row in tx.exec(
                    select(EmbeddedPaymentRow).where(col(EmbeddedPaymentRow.key).in_([p.key for p in ours]))
                )
            }
            entries = tx.exec(select(LedgerRow).where(LedgerRow.order_number == order)).all()
        for row in ours:
            theirs = provider[row.key]
            sums = {
                kind: sum(e.amount_minor for e in entries if (e.payment, e.kind) == (row.key, kind)) for kind in _KINDS
            }
            if (theirs.captured_minor, theirs.refunded_minor) != (row.captured_minor, row.refunded_minor):
                return False
            if (sums["capture"], sums["refund"]) != (row.captured_minor, row.refunded_minor):
                return False
            if row.open == (theirs.voided or theirs.captured_minor > 0):
                return False
        return True

    def workflow(self, order: str) -> WorkflowHandle[OrderDraft, Any]:
        """Return the workflow of an order's draft."""
        return self.client.get_workflow_handle_for(OrderDraft.run, draft_id(order))

    async def wait_until_queued(self, order: str, count: int) -> None:
        """Wait until this many requests are queued in the order's workflow."""
        async with asyncio.timeout(20):
            while (await self.workflow(order).query(OrderDraft.progress)).queued < count:  # noqa: ASYNC110 - only a query shows it
                await asyncio.sleep(0.05)

    async def wait_for_end(self, order: str) -> str:
        """Wait until the order's run has ended and return its status."""
        return await self.wait_for_end_of(self.workflow(order))

    async def wait_for_end_of(self, handle: WorkflowHandle[Any, Any]) -> str:
        """Wait until a run has ended and return its status."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(handle.result(), 30)
        description = await handle.describe()
        return description.status.name if description.status else "?"


def _answer(response: httpx2.Response) -> Answer:
    body = response.json() if response.content else {}
    return Answer(response.status_code, body, response.headers)


async def wait_for_worker(world: World) -> None:
    """Wait until the worker has started: until then a request is kept, and answered 202 or 503."""
    order = await world.order()
    operation = add(await world.offer("standard", ADULT, service=world.train()), ADULT)
    async with asyncio.timeout(60):
        while (await world.change(order, operation, key=f"start-{order}")).status != httpx2.codes.OK:  # noqa: ASYNC110 - only an answer shows it
            await asyncio.sleep(0.1)
