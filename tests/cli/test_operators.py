"""Operators' commands: their output for people, and the exit codes and JSON for scripts."""

import asyncio
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli import __main__ as main
from cli.__main__ import app
from cli.faults.injection import Fault
from cli.operators.attention import describe_attention
from telemetry.loopback import free_port
from temporal.names import StepName
from tests.support.canary import ADULT, find_canaries
from tests.support.commands import COMMAND, ROOT, run
from tests.support.provider_events import disputes
from tests.support.refunds_owed import AMOUNT, REASON, order_owing
from tests.support.scenarios import prepare_reversal, receive_dispute
from tests.support.world import CARD, DECLINED, Json, World

ONCE = pytest.mark.only_on("sqlite")  # the command line does not depend on the database
WIDTH = 80


@pytest.fixture(autouse=True)
def _logs_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the logging of the tests: a command would configure it for its own process."""
    monkeypatch.setattr(main, "configure", lambda _format: None)


class Terminal:
    """Runs commands against a world's API."""

    def __init__(self, world: World) -> None:
        self._environment = {"CHANGEOVER_API": str(world.http.base_url), "COLUMNS": str(WIDTH)}

    async def type(self, line: str, *more: str) -> tuple[int, str, str]:
        """Run a command; return its exit code, stdout and stderr."""
        arguments = [*line.split(), *more]
        done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=self._environment)
        return done.exit_code, done.stdout, done.stderr

    async def read(self, line: str) -> tuple[int, Any]:
        """Run a command with --json; return its exit code and the JSON document that it printed."""
        code, output, _ = await self.type(f"{line} --json")
        return code, json.loads(output)


@pytest.fixture
def terminal(world: World) -> Terminal:
    return Terminal(world)


@ONCE
async def test_an_order_is_shown_with_lines_seats_money_and_draft_in_80_columns(
    world: World, terminal: Terminal
) -> None:
    order, _ = await world.open_draft()
    code, output, _ = await terminal.type(f"order show {order}")
    shown = await world.show(order)
    assert code == 0
    for word in (order, "draft", f"{order}-2", "flexible", "299.00", "fee: change", "balance 100.00", "adds", "held"):
        assert word in output
    assert f"until {shown['draft']['expires_at'][:10]}" in output
    assert max(map(len, output.splitlines())) <= WIDTH
    assert not find_canaries(output.encode())
    assert await terminal.read(f"order show {order}") == (0, await world.show(order))


async def deadline(world: World, order: str) -> datetime:
    return datetime.fromisoformat((await world.show(order))["draft"]["expires_at"])


@ONCE
async def test_a_draft_is_extended_then_confirmed_and_paid(world: World, terminal: Terminal) -> None:
    order, _ = await world.open_draft()
    before = await deadline(world, order)
    code, change = await terminal.read(f"draft extend {order} --minutes 30")
    assert (code, change["state"]) == (0, "done")
    assert await deadline(world, order) == before + timedelta(minutes=30)
    code, output, errors = await terminal.type(f"draft confirm {order} --reason paid")
    assert (code, "refused BALANCE_NOT_ZERO" in output, "--token" in errors) == (1, True, True)
    code, output, _ = await terminal.type(f"draft confirm {order} --reason paid --token tok_ok")
    assert code == 0
    assert "✓ settle_price_difference" in output
    assert f"{order} confirmed, version 2" in output
    assert (await world.show(order))["status"] == "confirmed"


@ONCE
async def test_a_change_is_shown_with_its_client_and_its_reason(world: World, terminal: Terminal) -> None:
    order, _ = await world.open_draft()
    answer = await world.post(f"/v1/orders/{order}/confirm", {"payment": CARD, "reason": "they call [back]"})
    code, output, _ = await terminal.type(f"change show {answer.change}")
    assert (code, "sent by local: “they call [back]”" in output) == (0, True)


@ONCE
async def test_a_draft_is_discarded_and_a_missing_draft_or_order_exits_with_1(world: World, terminal: Terminal) -> None:
    order, before = await world.open_draft()
    code, change = await terminal.read(f"draft discard {order}")
    assert (code, change["kind"], change["order"]["draft"]) == (0, "discard", False)
    assert world.snapshot(order) == before
    code, problem = await terminal.read(f"draft extend {order} --minutes 5")
    assert (code, problem["code"]) == (1, "NO_DRAFT")
    code, problem = await terminal.read("order show 26-999999")
    assert (code, problem["code"]) == (1, "ORDER_NOT_FOUND")


@ONCE
async def test_a_deadline_is_given_once_and_with_its_time_zone(terminal: Terminal) -> None:
    for wrong in ("", " --until 2026-12-01T12:00Z --minutes 5", " --until 2026-12-01T12:00", " --until tomorrow"):
        code, _, errors = await terminal.type(f"draft extend 26-100000{wrong}")
        assert (code, "Invalid value" in errors) == (2, True), wrong


@ONCE
async def test_a_change_is_followed_to_its_end_and_its_outcome_is_the_exit_code(
    world: World, terminal: Terminal
) -> None:
    order = await world.sold(ADULT)
    armed = world.faults.arm(order, StepName.AUTHORISE_PAYMENT, Fault.HELD)
    change = (await world.upgrade(order, confirm=True, payment=CARD, Prefer="respond-async")).change
    await asyncio.wait_for(armed.reached.wait(), 20)
    watching = asyncio.create_task(terminal.type(f"change watch {change}"))
    armed.go_on.set()
    code, output, _ = await watching
    assert code == 0
    assert "• order_confirmed version 2" in output
    assert output.splitlines()[-1].strip() == "= done"
    code, lines, _ = await terminal.type(f"change watch {change} --json")
    events = [json.loads(line) for line in lines.splitlines()]
    assert (code, events[-1]["event"], events[-1]["data"]["state"]) == (0, "ended", "done")
    numbers = [each["number"] for each in events if each["number"]]
    assert numbers == sorted(set(numbers))
    assert (await terminal.read(f"change watch {'0' * 36}"))[1]["code"] == "CHANGE_NOT_FOUND"


@ONCE
async def test_a_change_that_was_undone_exits_with_1(world: World, terminal: Terminal) -> None:
    order = await world.sold(ADULT)
    world.faults.break_groups(order)
    refused = (await world.upgrade(order, confirm=True, payment=DECLINED)).change
    code, output, _ = await terminal.type(f"change watch {refused}")
    assert (code, "= refused PAYMENT_REFUSED" in output, "undone" in output) == (1, True, True)
    code, shown = await terminal.read(f"change show {refused}")
    assert (code, shown["problem"]["code"]) == (0, "PAYMENT_REFUSED")


@ONCE
async def test_an_unreachable_api_exits_with_2_and_names_a_fix(terminal: Terminal) -> None:
    nowhere = f"--api http://127.0.0.1:{free_port()}"
    for line in (
        "order show 26-100000",
        "change watch x",
        "draft discard 26-100000",
        "attention list",
        "attention retry 26-100000 --reason x",
    ):
        code, output, errors = await terminal.type(f"{line} {nowhere}")
        assert (code, output) == (2, ""), line
        assert "start it with `changeover up`" in errors
        assert "--api / CHANGEOVER_API" in errors
        code, problem = await terminal.read(f"{line} {nowhere}")
        assert (code, problem["code"]) == (2, "API_UNREACHABLE")


@ONCE
async def test_an_operator_action_without_a_stuck_step_exits_with_1(world: World, terminal: Terminal) -> None:
    order = await world.sold(ADULT)
    for line in ("attention retry", "attention done-by-hand"):
        code, output, errors = await terminal.type(f"{line} {order} --reason", "the bank is back")
        assert (code, output, "NOTHING_STUCK" in errors) == (1, "", True)


@ONCE
async def test_a_refund_owed_is_listed_shown_and_recorded_as_paid(world: World, terminal: Terminal) -> None:
    order = await order_owing(world)
    code, output, _ = await terminal.type("attention list")
    assert code == 1
    assert f"{order} {AMOUNT} NOK owed to the customer" in output
    assert f"refund owed: {AMOUNT}" in (await terminal.type(f"order show {order}"))[1]
    wrong = await terminal.type(f"attention payout {order} --amount 1.00 --reason", REASON)
    assert (wrong[0], "not what is owed" in wrong[1], "attention list" in wrong[2]) == (1, True, True)
    code, output, _ = await terminal.type(f"attention payout {order} --amount {AMOUNT} --reason", REASON)
    assert (code, f"{order}: Recorded as paid by hand; ledger updated." in output) == (0, True)
    code, change = await terminal.read(f"attention payout {order} --amount {AMOUNT} --reason again")
    assert (code, change["problem"]["code"]) == (1, "NOTHING_TO_PAY_OUT")
    assert order not in (await terminal.type("attention list"))[1]


@ONCE
async def test_a_dispute_is_listed_until_its_case_is_closed(world: World, terminal: Terminal) -> None:
    order = await world.sold(ADULT)
    await receive_dispute(world, order)
    ((name, _),) = disputes(world, order)
    code, output, _ = await terminal.type("attention list")
    assert (code, f"{order} 1.00 NOK disputed by the cardholder" in output, name in output) == (1, True, True)
    close = f"attention close-dispute {order} --dispute {name} --reason accepted"
    assert (await terminal.type(close))[:2] == (0, f"{order}: The case of the dispute is closed.\n")
    assert (await terminal.type(close))[0] == 1
    assert order not in (await terminal.type("attention list"))[1]


async def test_a_stuck_change_is_reversed_once(world: World, terminal: Terminal) -> None:
    order = await prepare_reversal(world)
    code, output, _ = await terminal.type(f"attention reverse {order} --reason", REASON)
    assert (code, f"{order}: The stuck change is reversed; what it captured is refunded." in output) == (0, True)
    code, change = await terminal.read(f"attention reverse {order} --reason again")
    assert (code, change["problem"]["code"]) == (1, "NOTHING_TO_REVERSE")


async def test_a_stuck_change_gets_other_seats_once(world: World, terminal: Terminal) -> None:
    order = await prepare_reversal(world)
    code, output, _ = await terminal.type(f"attention reseat {order} --reason", REASON)
    assert (code, f"{order}: Other seats are held; the stuck change goes on." in output) == (0, True)
    code, change = await terminal.read(f"attention reseat {order} --reason again")
    assert (code, change["problem"]["code"]) == (1, "NOTHING_TO_RESEAT")


def test_a_wrong_usage_has_an_exit_code_of_its_own() -> None:
    assert run("order", "shew").returncode == 64


@ONCE
async def test_ctrl_c_prints_how_to_follow_the_change_again(world: World) -> None:
    order, _ = await world.open_draft()
    armed = world.faults.arm(order, StepName.AUTHORISE_PAYMENT, Fault.HELD)
    command = [
        *COMMAND,
        "draft",
        "confirm",
        order,
        "--reason",
        "paid",
        "--token",
        "tok_ok",
        "--api",
        str(world.http.base_url),
    ]
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdout=pipe,
        stderr=pipe,
        # Tests that run in the background ignore Ctrl-C, and so do their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    await asyncio.wait_for(armed.reached.wait(), 30)
    assert process.stdout is not None
    while b"extend_holds" not in await asyncio.wait_for(process.stdout.readline(), 20):
        pass
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    armed.go_on.set()
    found = re.search(r"changeover change watch ([0-9a-f-]{36})", errors.decode())
    assert (process.returncode, bool(found)) == (130, True), errors
    assert found is not None
    assert await world.wait_for_outcome(found[1]) == "done"


def test_the_shell_completes_commands() -> None:
    environment = {"_CHANGEOVER_COMPLETE": "complete_bash", "COMP_WORDS": "changeover draft ", "COMP_CWORD": "2"}
    assert run(environment=environment).stdout.split() == ["confirm", "discard", "extend"]


def commands_of(group: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Yield every command below a group, with its full name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, *path, name)
        else:
            yield " ".join(("changeover", *path, name)), command


def _name(typed: str) -> str:
    """Return the name of a command without its arguments."""
    return re.sub(r" \[?[A-Z]+(\.\.\.)?\]?$", "", typed)


def test_the_page_of_commands_has_each_with_its_options_and_an_exit_code() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    sections = {part.split("`")[0]: part for part in page.split("\n### `")[1:]}
    known = dict(commands_of(get_command(app)))
    assert {_name(typed) for typed in sections} == set(known)
    everywhere = {"--help", "--api", "--json"}
    for typed, section in sections.items():
        options = {each for option in known[_name(typed)].params for each in option.opts}
        expected = {each for each in options if each.startswith("--")} - everywhere
        assert {each for each in expected if f"`{each}" not in section} == set(), typed
        assert re.search(r"\b0\b", section), typed


def test_the_list_shows_who_stated_that_a_stuck_step_was_done() -> None:
    statement = {"actor": "kiosk-oslo", "reason": "refunded at the bank", "at": "2027-03-01T12:00:00Z"}
    stuck: Json = {
        "order": "26-100001",
        "kind": "change",
        "request": "c1",
        "description": "capture",
        "code": "INJECTED",
    }
    stuck |= {
        "since": "2027-03-01T11:00:00Z",
        "attempts": 7,
        "next_at": None,
        "unsettled": [],
        "statements": [statement],
        "by_hand": True,
    }
    lines = list(describe_attention({"stuck": [stuck], "discrepancies": []}))
    assert any("stated as done by kiosk-oslo" in line and "refunded at the bank" in line for line in lines)
    assert any("`done-by-hand`" in line for line in lines)
    own = stuck | {"by_hand": False}
    assert not any("`done-by-hand`" in line for line in describe_attention({"stuck": [own], "discrepancies": []}))
