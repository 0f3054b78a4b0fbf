"""Checks after the traffic: everything comes to rest, and the store agrees with the clients' log."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import httpx2
from sqlmodel import col, select
from temporalio.client import Client as Temporal

from cli.stack import Stack
from store import invariants
from store.database.store import Store
from store.tables import ChangeRow, OrderRow
from temporal.names import ORDER_DRAFT, order_of
from tests.soak.client_log import ENDED, ClientLog, ObservedAnswer, Violation
from tests.soak.http_client import Json, answer_from_change_page
from tests.soak.program import Kind

MAX_SETTLE_SECONDS = 90.0
LOST = "nothing acknowledged is lost"
POLL_SECONDS = 0.5
_RUNNING = f"WorkflowType = '{ORDER_DRAFT}' AND ExecutionStatus = 'Running'"
UNEXPECTED_CODES = (
    "INTERNAL",
    "MALFORMED_BODY",
    "MEMBER_INVALID",
    "IDEMPOTENCY_MISMATCH",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
)
"""Codes that no answer may have: every request is well formed, and a retry is identical."""


async def run_final_checks(stack: Stack, temporal: Temporal, client_log: ClientLog) -> list[Violation]:
    """Wait until everything is at rest, then return all violations."""
    store = Store(stack.database)
    try:
        stuck = await _at_rest(store, temporal)
        violations = [
            *stuck,
            *await _lost(stack.api, client_log),
            *_unexpected_answers(client_log),
            *client_log.contradictions(),
            *_invariants(store),
        ]
    finally:
        store.close()
    return [*violations, *await _checked(stack.database)]


async def _at_rest(store: Store, temporal: Temporal) -> list[Violation]:
    """Wait until every request has an outcome and the running workflows are exactly those of the open drafts."""
    clock = asyncio.get_running_loop().time
    give_up = clock() + MAX_SETTLE_SECONDS
    while True:
        waiting = await asyncio.to_thread(_without_outcome, store)
        drafts = await asyncio.to_thread(_with_draft, store)
        running = {order_of(each.id) async for each in temporal.list_workflows(_RUNNING)}
        if not waiting and drafts == running:
            return []
        if clock() > give_up:
            return [*_stuck(waiting), *_mismatched(drafts, running)]
        await asyncio.sleep(POLL_SECONDS)


def _stuck(waiting: dict[str, str | None]) -> Iterator[Violation]:
    for change, order in waiting.items():
        yield Violation(
            "every request has an outcome", f"change {change} has none after {MAX_SETTLE_SECONDS:.0f} s", order
        )


def _mismatched(drafts: set[str], running: set[str]) -> Iterator[Violation]:
    for order in sorted(drafts - running):
        yield Violation("every open draft has its run", "no run", order)
    for order in sorted(running - drafts):
        yield Violation("every run has its open draft", "no draft", order)


def _without_outcome(store: Store) -> dict[str, str | None]:
    with store.read() as tx:
        rows = tx.exec(select(ChangeRow).where(col(ChangeRow.outcome).is_(None)))
        return {row.id: row.order_number for row in rows}


def _with_draft(store: Store) -> set[str]:
    with store.read() as tx:
        return set(tx.exec(select(OrderRow.number).where(col(OrderRow.draft_opened_by).is_not(None))))


async def _lost(address: str, client_log: ClientLog) -> list[Violation]:
    """Read every acknowledged order and change again through the API."""
    async with httpx2.AsyncClient(base_url=address, timeout=60, limits=httpx2.Limits(max_connections=8)) as http:
        orders = [_order(http, order) for order in sorted(client_log.orders)]
        changes = [_change(http, client_log, change, answers) for change, answers in client_log.acknowledged.items()]
        return [violation for found in await asyncio.gather(*orders, *changes) for violation in found]


async def _order(http: httpx2.AsyncClient, order: str) -> list[Violation]:
    status, _ = await _read(http, f"/v1/orders/{order}")
    return [] if status == httpx2.codes.OK else [Violation(LOST, f"GET answers {status}", order)]


async def _change(
    http: httpx2.AsyncClient, client_log: ClientLog, change: str, answers: list[ObservedAnswer]
) -> list[Violation]:
    sent = client_log.now()
    status, shown = await _read(http, f"/v1/changes/{change}")
    if status != httpx2.codes.OK:
        return [Violation(LOST, f"change {change}: GET answers {status}")]
    client_log.record_answer(answer_from_change_page(answers[0].key, sent, client_log.now(), shown))
    return list(_compared(change, answers, shown))


async def _read(http: httpx2.AsyncClient, path: str) -> tuple[int | None, Json]:
    """Return the status and body of an answer; None and an empty body if the connection failed."""
    try:
        answer = await http.get(path)
    except httpx2.TransportError:
        return None, {}
    return answer.status_code, answer.json()


def _compared(change: str, answers: list[ObservedAnswer], shown: Json) -> Iterator[Violation]:
    order = shown["order_number"]
    if shown["state"] not in ENDED:
        yield Violation("every request has an outcome", f"change {change} is {shown['state']}", order)
    for answer in answers:
        if answer.content and answer.status == httpx2.codes.OK and answer.ended:
            now = {name: shown.get(name) for name in answer.content}
            if now != answer.content:
                yield Violation(LOST, f"answered {answer.content}, now {now}", order)


def _unexpected_answers(client_log: ClientLog) -> Iterator[Violation]:
    kept = {each.key for each in client_log.answers if each.change}
    for each in client_log.answers:
        # A deadline may pass before the API records its request.
        passed = each.code == "MEMBER_INVALID" and each.key not in kept and Kind.DEADLINE in client_log.kinds[each.key]
        if each.code in UNEXPECTED_CODES and not passed:
            yield Violation(
                "no answer is unexpected", f"{each.status} {each.code} to {each.key} at {each.answered_at:.1f} s"
            )


def _invariants(store: Store) -> Iterator[Violation]:
    with store.read() as tx:
        for each in invariants.violations(tx):
            yield Violation(each.invariant, each.what, each.order)


async def _checked(database: str) -> list[Violation]:
    command = [sys.executable, "-m", "cli", "check"]
    environment = {**os.environ, "CHANGEOVER_DATABASE": database, "COLUMNS": "200"}  # noqa: TID251 - a child inherits our environment
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    wrong = [line.strip() for line in (done.stdout + done.stderr).splitlines() if not line.startswith("ok ")]
    what = f"exit code {done.returncode}: {'; '.join(wrong)}"
    return [] if done.returncode == 0 else [Violation("`changeover check` passes", what)]
