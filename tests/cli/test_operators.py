"""Operators at the command line: what is shown, what is done, and what a script is told by exit code and JSON."""

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
from telemetry.loopback import free_port
from temporal.names import StepName
from tests.support.canary import ADULT, find_canaries
from tests.support.commands import ROOT, COMMAND, run
from tests.support.world import CARD, DECLINED, World

ONCE = pytest.mark.only_on("sqlite")  # a matter of the command line
WIDTH = 80


@pytest.fixture(autouse=True)
def _logs_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command says how its process logs; here that is the tests' own."""
    monkeypatch.setattr(main, "configure", lambda _format: None)


class Terminal:
    """Types commands against a world's API."""

    def __init__(self, world: World) -> None:
        self._environment = {"CHANGEOVER_API": str(world.http.base_url), "COLUMNS": str(WIDTH)}

    async def type(self, line: str, *more: str) -> tuple[int, str, str]:
        """Type a command; return exit code, what it said and what it warned of."""
        arguments = [*line.split(), *more]
        done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=self._environment)
        return done.exit_code, done.stdout, done.stderr

    async def read(self, line: str) -> tuple[int, Any]:
        """Type a command with --json; return exit code and the one document it printed."""
        code, said, _ = await self.type(f"{line} --json")
        return code, json.loads(said)


@pytest.fixture
def terminal(world: World) -> Terminal:
    return Terminal(world)


@ONCE
async def test_an_order_is_shown_with_lines_seats_money_and_draft_in_80_columns(
    world: World, terminal: Terminal
) -> None:
    order, _ = await world.open_draft()
    code, said, _ = await terminal.type(f"order show {order}")
    shown = await world.show(order)
    assert code == 0
    for word in (order, "draft", f"{order}-2", "flexible", "299.00", "fee: change", "balance 100.00", "adds", "held"):
        assert word in said
    assert f"until {shown['draft']['expires_at'][:10]}" in said
    assert max(map(len, said.splitlines())) <= WIDTH
    assert not find_canaries(said.encode())
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
    code, said, warned = await terminal.type(f"draft confirm {order} --reason paid")
    assert (code, "refused BALANCE_NOT_ZERO" in said, "--token" in warned) == (1, True, True)
    code, said, _ = await terminal.type(f"draft confirm {order} --reason paid --token tok_ok")
    assert code == 0
    assert "✓ settle_price_difference" in said
    assert f"{order} confirmed, version 2" in said
    assert (await world.show(order))["status"] == "confirmed"


@ONCE
async def test_a_draft_is_discarded_and_what_is_not_there_is_a_no(world: World, terminal: Terminal) -> None:
    order, before = await world.open_draft()
    code, change = await terminal.read(f"draft discard {order}")
    assert (code, change["kind"], change["order"]["draft"]) == (0, "discard", False)
    assert world.snapshot(order) == before
    code, problem = await terminal.read(f"draft extend {order} --minutes 5")
    assert (code, problem["code"]) == (1, "NO_DRAFT")
    code, problem = await terminal.read("order show 26-999999")
    assert (code, problem["code"]) == (1, "ORDER_NOT_FOUND")


@ONCE
async def test_a_deadline_is_named_once_and_with_its_zone(terminal: Terminal) -> None:
    for wrong in ("", " --until 2026-12-01T12:00Z --minutes 5", " --until 2026-12-01T12:00", " --until tomorrow"):
        code, _, warned = await terminal.type(f"draft extend 26-100000{wrong}")
        assert (code, "Invalid value" in warned) == (2, True), wrong


@ONCE
async def test_a_change_is_watched_to_its_end_and_its_end_is_the_exit_code(world: World, terminal: Terminal) -> None:
    order = await world.sold(ADULT)
    armed = world.faults.arm(order, StepName.AUTHORISE_PAYMENT, Fault.HELD)
    change = (await world.upgrade(order, confirm=True, payment=CARD, Prefer="respond-async")).change
    await asyncio.wait_for(armed.reached.wait(), 20)
    watching = asyncio.create_task(terminal.type(f"change watch {change}"))
    armed.go_on.set()
    code, said, _ = await watching
    assert code == 0
    assert "• order_confirmed version 2" in said
    assert said.splitlines()[-1].strip() == "= done"
    code, lines, _ = await terminal.type(f"change watch {change} --json")
    told = [json.loads(line) for line in lines.splitlines()]
    assert (code, told[-1]["event"], told[-1]["data"]["state"]) == (0, "ended", "done")
    numbers = [each["number"] for each in told if each["number"]]
    assert numbers == sorted(set(numbers))
    assert (await terminal.read(f"change watch {'0' * 36}"))[1]["code"] == "CHANGE_NOT_FOUND"


@ONCE
async def test_a_change_that_was_taken_back_is_a_no(world: World, terminal: Terminal) -> None:
    order = await world.sold(ADULT)
    refused = (await world.upgrade(order, confirm=True, payment=DECLINED)).change
    code, said, _ = await terminal.type(f"change watch {refused}")
    assert (code, "= refused PAYMENT_REFUSED" in said, "taken back" in said) == (1, True, True)
    code, shown = await terminal.read(f"change show {refused}")
    assert (code, shown["problem"]["code"]) == (0, "PAYMENT_REFUSED")


@ONCE
async def test_an_api_that_does_not_answer_cannot_tell_and_the_way_out_is_named(terminal: Terminal) -> None:
    nowhere = f"--api http://127.0.0.1:{free_port()}"
    for line in (
        "order show 26-100000",
        "change watch x",
        "draft discard 26-100000",
        "attention list",
        "attention retry 26-100000 --reason x",
    ):
        code, said, warned = await terminal.type(f"{line} {nowhere}")
        assert (code, said) == (2, ""), line
        assert "start it with `changeover up`" in warned
        assert "--api / CHANGEOVER_API" in warned
        code, problem = await terminal.read(f"{line} {nowhere}")
        assert (code, problem["code"]) == (2, "API_UNREACHABLE")


@ONCE
async def test_nothing_that_waits_is_told_with_exit_code_0_and_help_for_nothing_with_1(
    world: World, terminal: Terminal
) -> None:
    order = await world.sold(ADULT)
    for line in ("attention retry", "attention done-by-hand"):
        code, said, warned = await terminal.type(f"{line} {order} --reason", "the bank is back")
        assert (code, said, "NOTHING_STUCK" in warned) == (1, "", True)


def test_a_wrong_usage_has_an_exit_code_of_its_own() -> None:
    assert run("order", "shew").returncode == 64


@ONCE
async def test_ctrl_c_says_how_the_change_is_found_again(world: World) -> None:
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
        # A run of tests in the background has Ctrl-C ignored, and so have its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    await asyncio.wait_for(armed.reached.wait(), 30)
    assert process.stdout is not None
    while b"extend_holds" not in await asyncio.wait_for(process.stdout.readline(), 20):
        pass
    process.send_signal(signal.SIGINT)
    _, warned = await process.communicate()
    armed.go_on.set()
    found = re.search(r"changeover change watch ([0-9a-f-]{36})", warned.decode())
    assert (process.returncode, bool(found)) == (130, True), warned
    assert found is not None
    assert await world.wait_for_outcome(found[1]) == "done"


def test_the_shell_completes_commands() -> None:
    asked = {"_CHANGEOVER_COMPLETE": "complete_bash", "COMP_WORDS": "changeover draft ", "COMP_CWORD": "2"}
    assert run(environment=asked).stdout.split() == ["confirm", "discard", "extend"]


def commands_of(group: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Return every command below a group, as it is typed."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, *path, name)
        else:
            yield " ".join(("changeover", *path, name)), command


def _name(typed: str) -> str:
    """Return a command as it is called, without what it is about."""
    return re.sub(r" \[?[A-Z]+(\.\.\.)?\]?$", "", typed)


def test_the_page_of_commands_has_each_with_its_options_and_an_exit_code() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    sections = {part.split("`")[0]: part for part in page.split("\n### `")[1:]}
    known = dict(commands_of(get_command(app)))
    assert {_name(typed) for typed in sections} == set(known)
    everywhere = {"--help", "--api", "--json"}
    for typed, section in sections.items():
        options = {each for option in known[_name(typed)].params for each in option.opts}
        wanted = {each for each in options if each.startswith("--")} - everywhere
        assert {each for each in wanted if f"`{each}" not in section} == set(), typed
        assert re.search(r"\b0\b", section), typed
