"""The clients: each performs its acts one after the other, and sends some requests twice."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import httpx2
from temporalio.client import Client as Temporal
from temporalio.service import RPCError

from temporal.names import draft_id
from tests.soak.client_log import ClientLog
from tests.soak.http_client import MAX_ANSWER_SECONDS, HttpClient, RequestSpec
from tests.soak.program import SHARED_ORDERS, Act, Again, Kind, Program, Through
from tests.soak.requests import RequestBuilder

ANSWERED_WITHIN = 90.0
"""Seconds after the traffic; a request without an answer by then is stuck."""
_BY_OPERATORS = (Kind.CANCEL, Kind.TERMINATE)


class Client:
    """Performs the acts of one client of the program."""

    def __init__(
        self,
        http_client: HttpClient,
        builder: RequestBuilder,
        client_log: ClientLog,
        temporal: Temporal,
        orders: dict[int, str],
    ) -> None:
        self._http_client = http_client
        self._builder = builder
        self._client_log = client_log
        self._temporal = temporal
        self._orders = orders
        self._later: list[tuple[int, Act, str, RequestSpec]] = []

    async def run(self, acts: tuple[Act, ...], seconds: float) -> int:
        """Perform the acts whose time comes before the end; return how many those were."""
        reached = 0
        for act in acts:
            await asyncio.sleep(max(act.at - self._client_log.now(), 0))
            if self._client_log.now() > seconds:
                break
            reached += 1
            await self.act(act)
            await self._send_again(reached)
        await self._send_again(len(acts) + max((due for due, *_ in self._later), default=0))
        return reached

    async def act(self, act: Act) -> None:
        if act.kind is Kind.SALE or act.order not in self._orders:
            opened = await self._open(act)
            if not opened or act.through is not Through.NATIVE:
                return
        number = self._orders[act.order]
        if act.kind in _BY_OPERATORS:
            await self._operate(act, number)
            return
        request = await self._builder.build(act, number)
        if request:
            await self._send(act, act.key, request)

    async def _open(self, act: Act) -> bool:
        request = await self._builder.build_opening(act)
        if request is None:
            return False
        answer = await self._send(act, f"{act.key}-new", request)
        body = answer.json()
        number = body.get("number") or body.get("orderId") or body.get("order", {}).get("orderNumber")
        if not answer.is_success or not number:
            return False
        self._orders[act.order] = number
        if answer.status_code == httpx2.codes.CREATED:
            self._client_log.orders.add(number)
        return True

    async def _send(self, act: Act, key: str, request: RequestSpec) -> httpx2.Response:
        kind = f"{act.kind}, {_through(request.path)}"
        if act.again is Again.AT_ONCE:
            self._client_log.sent_twice += 1
            first, _ = await asyncio.gather(
                self._http_client.send(key, kind, request), self._http_client.send(key, kind, request)
            )
            return first
        if act.again is Again.LATER:
            self._later.append((int(act.key.rpartition("-")[2]) + act.later_by, act, key, request))
        return await self._http_client.send(key, kind, request)

    async def _send_again(self, reached: int) -> None:
        due = [each for each in self._later if each[0] <= reached]
        self._later = [each for each in self._later if each[0] > reached]
        for _, act, key, request in due:
            self._client_log.sent_twice += 1
            await self._http_client.send(key, str(act.kind), request)

    async def _operate(self, act: Act, number: str) -> None:
        handle = self._temporal.get_workflow_handle(draft_id(number))
        try:
            await (handle.cancel() if act.kind is Kind.CANCEL else handle.terminate("soak"))
        except RPCError:
            return  # no run, or no server at that moment
        self._client_log.operated[str(act.kind)] += 1


def _through(path: str) -> str:
    return "Entur" if path.startswith("/sales") else "discover.swiss" if path.startswith("/b2b") else "native"


async def traffic(
    program: Program,
    address: str,
    temporal: Temporal,
    client_log: ClientLog,
    clock: Callable[[], datetime],
    killing: Awaitable[None],
) -> int:
    """Run every client to its end, and sell once more after the last kill; return how many acts were performed."""
    give_up = program.seconds + ANSWERED_WITHIN
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=address, timeout=MAX_ANSWER_SECONDS, limits=limits) as http:
        http_client = HttpClient(http, client_log, give_up)
        builder = RequestBuilder(http_client, clock)
        orders = {
            number: await _shared(http_client, program.seed, number, client_log) for number in range(SHARED_ORDERS)
        }
        clients = [Client(http_client, builder, client_log, temporal, orders) for _ in program.clients]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(client.run(acts, program.seconds))
                for client, acts in zip(clients, program.clients, strict=True)
            ]
        await killing
        await clients[0].act(program.last)
        return sum(task.result() for task in tasks)


async def _shared(http_client: HttpClient, seed: int, number: int, client_log: ClientLog) -> str:
    answer = await http_client.send(
        f"{seed}-shared-{number}", "order", RequestSpec("POST", "/v1/orders", {"currency": "NOK"})
    )
    number_of_order = str(answer.json()["number"])
    client_log.orders.add(number_of_order)
    return number_of_order
