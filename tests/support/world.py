"""The whole service as its users meet it: HTTP in front, a real worker, a real store, real Temporal."""

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
    """Return travellers with everything an order needs."""
    return [dict(PEOPLE[each]) for each in ids]


def add(bundle: str, *travellers: str, **more: Any) -> Json:
    """Return the operation that takes a bundle."""
    return {"op": "add_lines", "offer_bundle_id": bundle, "travellers": people(*travellers), **more}


def replace(lines: Sequence[str], *bundles: str, **more: Any) -> Json:
    """Return the operation that puts bundles in the place of lines."""
    wishes = [{"offer_bundle_id": bundle, **more} for bundle in bundles]
    return {"op": "replace_lines", "lines": list(lines), "with": wishes}


def backdate(store: Store, change: str) -> None:
    """Let a request be an hour old."""
    with store.write() as tx:
        tx.get_one(ChangeRow, change).created_at -= timedelta(hours=1)


@dataclass
class Answer:
    """What the API answered."""

    status: int
    body: Json
    headers: Mapping[str, str]

    @property
    def code(self) -> str | None:
        """The problem's code, if it is one."""
        code: str | None = self.body.get("code")
        return code

    @property
    def change(self) -> str:
        """The change it is about."""
        return str(self.body["change"])


@dataclass
class World:
    """One installation, shared by the tests of one database; every test has orders and trains of its own."""

    components: Components
    client: Client
    http: httpx2.AsyncClient
    faults: Faults
    reusable_orders: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Orders made ready for a scenario that was then undone."""
    _trains: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @asynccontextmanager
    async def with_short_submit_timeout(self) -> AsyncIterator["World"]:
        """Another API on the same store and Temporal, which asks a full queue again for a moment only."""
        async with self.with_api(
            workflow_client=OrderWorkflowClient(self.client, ask_again_for=timedelta(milliseconds=300))
        ) as world:
            yield world

    @asynccontextmanager
    async def without_temporal(self) -> AsyncIterator["World"]:
        """Another API on the same store that reaches no Temporal."""
        options: dict[str, Any] = {"lazy": True, "retry_config": RetryConfig(max_retries=0)}
        nowhere = await Client.connect(f"{HOST}:{free_port()}", data_converter=DATA_CONVERTER, **options)
        async with self.with_api(workflow_client=OrderWorkflowClient(nowhere)) as world:
            yield world

    def backdate(self, change: str) -> None:
        """Let a request be an hour old."""
        backdate(self.components.store, change)

    @asynccontextmanager
    async def with_api(self, **parts: Any) -> AsyncIterator["World"]:
        """Another API on the same store and Temporal, some of its parts different."""
        usual = ApiContext(
            unscoped_store=self.components.store,
            offers=self.components.offers,
            workflow_client=OrderWorkflowClient(self.client),
            tenant=TENANT,
            desk=DeskSettings(frozenset({"changeover"})),
        )
        made = replace_(usual, **parts)
        transport = httpx2.ASGITransport(create_app(made))
        hooks, base = {"response": [search_answer]}, "http://changeover"
        async with httpx2.AsyncClient(transport=transport, base_url=base, timeout=60, event_hooks=hooks) as http:
            yield replace_(self, http=http)

    async def post(self, path: str, body: Any, key: str | None = None, **headers: str) -> Answer:
        """Send a POST under an idempotency key of its own, or the one given."""
        sent = {"Idempotency-Key": key or str(uuid.uuid4())} | {k.replace("_", "-"): v for k, v in headers.items()}
        return _answer(await self.http.post(path, json=body, headers=sent))

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send any other request."""
        sent = {k.replace("_", "-"): v for k, v in headers.items()}
        return _answer(await self.http.request(method, path, json=body, headers=sent))

    async def order(self, currency: str = "NOK") -> str:
        """Make an empty order."""
        return str((await self.post("/v1/orders", {"currency": currency})).body["number"])

    async def offer(self, product: str, *travellers: str, **where: Any) -> str:
        """Find the one bundle of a product for travellers."""
        who = [{"id": each, "birth_date": PEOPLE[each]["birth_date"]} for each in travellers]
        answer = await self.post("/v1/offers", {"product": product, "travellers": who, **where})
        assert answer.status == httpx2.codes.OK, answer.body
        (bundle,) = answer.body["offer_bundles"]
        return str(bundle["id"])

    @contextmanager
    def clock_at(self, moment: datetime) -> Generator[None]:
        """Let it be that instant by the one clock that decides what has expired."""
        usual = self.components.store.now
        self.components.store.now = lambda: moment
        try:
            yield
        finally:
            self.components.store.now = usual

    def train(self, coaches: int = 2, seats: int = 16, leaves_in: timedelta = timedelta(days=30)) -> str:
        """Put a train on the line that no other test sells seats on."""
        number = next(self._trains)
        departs = self.components.store.now() + leaves_in
        service = f"T{number}-{uuid.uuid4().hex[:6]}"
        with self.components.store.write() as tx:
            tx.add(ServiceRow(tenant=TENANT, id=service, railway_line="north", departs_at=departs, day=departs.date()))
            for coach, seat in itertools.product(range(1, coaches + 1), range(1, seats + 1)):
                tx.add(SeatRow(tenant=TENANT, service=service, coach=coach, seat=seat, row=(seat - 1) // 4))
        return service

    async def change(self, order: str, *operations: Json, key: str | None = None, **more: Any) -> Answer:
        """Run a change."""
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
        """Set money aside."""
        body = {"amount": amount, "currency": currency, "method": "card", "token": token}
        return await self.post(f"/v1/orders/{order}/payments", body)

    async def show(self, order: str) -> Json:
        """Return an order as it stands."""
        return (await self.send("GET", f"/v1/orders/{order}")).body

    async def lines(self, order: str) -> list[str]:
        """Return the ids of an order's lines."""
        return [line["id"] for line in (await self.show(order))["lines"]]

    async def sold(self, *travellers: str, product: str = "standard", train: str | None = None) -> str:
        """Sell and confirm an order on a train of its own."""
        order = await self.order()
        bundle = await self.offer(product, *travellers, service=train or self.train())
        answer = await self.change(order, add(bundle, *travellers), confirm=True, payment=CARD)
        assert answer.status == httpx2.codes.OK, answer.body
        return order

    async def wait_for_outcome(self, change: str) -> str:
        """Wait until a change has ended and return how."""
        async with asyncio.timeout(30):
            while True:
                state = str((await self.send("GET", f"/v1/changes/{change}")).body["state"])
                if state in OUTCOMES:
                    return state
                await asyncio.sleep(0.1)

    async def upgrade(self, order: str, **more: Any) -> Answer:
        """Put a dearer ticket on a train of its own in the place of every line: 100.00 more for one traveller."""
        bundle = await self.offer("flexible", ADULT, service=self.train())
        return await self.change(order, replace(await self.lines(order), bundle), **more)

    async def open_draft(self) -> tuple[str, str]:
        """Return an order with an open draft of one change, and its snapshot before."""
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
        """Return every request there ever was for an order."""
        with self.components.store.read() as tx:
            return tx.exec(select(ChangeRow).where(ChangeRow.order_number == order)).all()

    def rows(self) -> tuple[int, int]:
        """Return how many orders and changes are stored."""
        with self.components.store.read() as tx:
            orders = tx.exec(select(func.count()).select_from(OrderRow)).one()
            return orders, tx.exec(select(func.count()).select_from(ChangeRow)).one()

    def seats_of(self, order: str) -> list[str]:
        """Return what the seat inventory itself has for an order's changes."""
        with self.components.store.read() as tx:
            keys = {
                f"{row.id}/reserve_seats" for row in tx.exec(select(ChangeRow).where(ChangeRow.order_number == order))
            }
            rows = tx.exec(select(SeatHoldRow).where(col(SeatHoldRow.key).in_(keys)))
            return sorted(f"{row.service} {row.coach}-{row.seat} {row.state}" for row in rows)

    def at_most_once(self, order: str) -> bool:
        """Whether both books agree on every payment of an order, and no step left two entries."""
        with self.components.store.read() as tx:
            ours = tx.exec(select(PaymentRow).where(PaymentRow.order_number == order)).all()
            bank = {
                row.key: row
                for row in tx.exec(
                    select(EmbeddedPaymentRow).where(col(EmbeddedPaymentRow.key).in_([p.key for p in ours]))
                )
            }
            entries = tx.exec(select(LedgerRow).where(LedgerRow.order_number == order)).all()
        for row in ours:
            theirs = bank[row.key]
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
        """Wait until this many requests wait for their turn."""
        async with asyncio.timeout(20):
            while (await self.workflow(order).query(OrderDraft.progress)).queued < count:  # noqa: ASYNC110 - only a query tells
                await asyncio.sleep(0.05)

    async def wait_for_end(self, order: str) -> str:
        """Wait until the order's run has ended and return how."""
        return await self.wait_for_end_of(self.workflow(order))

    async def wait_for_end_of(self, handle: WorkflowHandle[Any, Any]) -> str:
        """Wait until a run has ended and return how."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(handle.result(), 30)
        description = await handle.describe()
        return description.status.name if description.status else "?"


def _answer(response: httpx2.Response) -> Answer:
    body = response.json() if response.content else {}
    return Answer(response.status_code, body, response.headers)
