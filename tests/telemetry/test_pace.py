"""A server that rations dispatch is told from one of ours, by a measurement nothing waits for."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from cli.doctor.dispatching import found
from cli.doctor.findings import Verdict
from cli.processes import Child
from cli.stack import Ports, Stack
from pace import FAR_AWAY, FAST, RATIONED, NotMeasuredError, Pace, measured
from store.database.migrate import migrate
from temporal.names import MEASURE_DISPATCH, MEASURE_DISPATCH_ID, MEASURE_DISPATCH_QUEUE
from tests.support.commands import ROOT, US, run
from tests.support.temporal_server import TemporalServer, stock_server, temporal_server

TIMES = 3
"""A machine with other work is slow for a moment; a server that rations is so each time."""


@pytest.fixture(scope="module")
async def stock() -> AsyncIterator[TemporalServer]:
    async with stock_server() as server:
        yield server


@pytest.fixture(scope="module")
async def ours(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    """A server as `up` starts it: its state in a file."""
    async with temporal_server(tmp_path_factory.mktemp("pace") / "kept.db") as server:
        yield server


# The servers


async def test_a_server_of_ours_dispatches_at_once_and_a_stock_one_does_not(
    ours: TemporalServer, stock: TemporalServer
) -> None:
    quick, rationed = await Client.connect(ours.address), await Client.connect(stock.address)
    rounds = [(await measured(quick), await measured(rationed)) for _ in range(TIMES)]
    best = min((pace for pace, _ in rounds), key=attrgetter("dispatch"))
    assert best.slow is None
    assert best.dispatch < FAST * 2 / 3
    assert {(pace.slow, pace.free) for _, pace in rounds} == {(RATIONED, False)}
    worst = max(pace.dispatch for _, pace in rounds)
    assert worst > FAST
    assert worst > 2 * best.dispatch


def test_the_server_that_up_and_demo_start_is_tuned(tmp_path: Path) -> None:
    words = Stack(tmp_path, Ports.free()).server.command
    told = [f"{option} {value}" for option, value in pairwise(words)]
    assert {
        "--dynamic-config-value history.transferProcessorMaxPollRPS=5000",
        '--dynamic-config-value history.timerProcessorMaxTimeShift="10ms"',
        "--sqlite-pragma journal_mode=wal",
        "--sqlite-pragma synchronous=normal",
    } <= set(told)


# The measurement


async def test_it_leaves_one_run_that_has_completed_and_says_what_it_was(ours: TemporalServer) -> None:
    client = await Client.connect(ours.address, namespace="outside")
    await measured(client)
    described = await client.get_workflow_handle(MEASURE_DISPATCH_ID).describe()
    assert described.status is WorkflowExecutionStatus.COMPLETED
    assert described.workflow_type == MEASURE_DISPATCH
    assert "no order is concerned" in (await described.static_summary() or "")


async def test_two_who_measure_at_once_take_turns(ours: TemporalServer) -> None:
    client = await Client.connect(ours.address)
    for pace in await asyncio.gather(*(measured(client, timedelta(seconds=60)) for _ in range(2))):
        assert pace.dispatch > 0


async def test_what_cannot_be_measured_is_given_up(ours: TemporalServer) -> None:
    with pytest.raises(NotMeasuredError, match="NOT_FOUND"):
        await measured(await Client.connect(ours.address, namespace="nowhere"))
    client = await Client.connect(ours.address)
    # Somebody who measures for ever.
    other = await client.start_workflow(MEASURE_DISPATCH, id=MEASURE_DISPATCH_ID, task_queue=MEASURE_DISPATCH_QUEUE)
    with pytest.raises(NotMeasuredError, match="TIMED_OUT"):
        await measured(client, timedelta(seconds=1))
    await other.terminate()


@pytest.mark.parametrize(
    ("pace", "slow"),
    [
        (Pace(0.012, 0.001, free=True), None),
        (Pace(0.04, 0.03, free=False), None),
        (Pace(0.05, 0.001, free=False), RATIONED),
        (Pace(0.05, 0.001, free=True), FAR_AWAY),
        (Pace(0.05, 0.03, free=False), FAR_AWAY),
    ],
)
def test_what_is_slow_and_why_and_that_the_doctor_says_how_to_mend_it(pace: Pace, slow: str | None) -> None:
    finding = found(pace)
    assert pace.slow == slow
    assert finding.verdict is (Verdict.NOTE if slow else Verdict.OK)
    assert f"a dispatch takes {pace.dispatch * 1000:.0f} ms" in finding.what
    assert ("transferProcessorMaxPollRPS=" in finding.mend) == (slow == RATIONED)
    for page, heading in re.findall(r"(docs/\w+\.md), ([A-Z][\w ]+)", finding.mend):
        assert f"## {heading}" in (ROOT / page).read_text()


# As operators meet it


def environment(address: str, folder: Path) -> dict[str, str]:
    database = f"sqlite:///{folder / 'changeover.db'}"
    migrate(database)
    return {
        "CHANGEOVER_DATABASE": database,
        "CHANGEOVER_LOG_FORMAT": "json",
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }


@contextmanager
def worker_at(server: TemporalServer, folder: Path, **more: str) -> Iterator[Child]:
    child = Child("worker", [*US, "worker"], folder / "worker.log", environment(server.address, folder) | more)
    child.start()
    try:
        yield child
    finally:
        child.stop()


async def said(child: Child) -> dict[str, object]:
    """Return what a worker logs of its measurement."""
    async with asyncio.timeout(60):
        while '"logger": "pace"' not in child.log.read_text():
            assert not child.ended, child.tail()
            await asyncio.sleep(0.1)
    (line,) = [each for each in child.log.read_text().splitlines() if '"logger": "pace"' in each]
    told: dict[str, object] = json.loads(line)
    return told


async def said_of_a_stock_server(server: TemporalServer, folder: Path) -> dict[str, object]:
    """Return what the first worker says whose machine was not too busy to tell."""
    heard = []
    for _ in range(TIMES):
        folder /= "again"
        folder.mkdir()
        with worker_at(server, folder) as child:
            heard.append(await said(child))
        if heard[-1].get("code") == RATIONED:
            return heard[-1]
    raise AssertionError(heard)


async def until_a_round_is_done(client: Client) -> None:
    async with asyncio.timeout(60):
        done = 0
        while not done:
            done = (await client.count_workflows("WorkflowType = 'Reconcile' AND ExecutionStatus = 'Completed'")).count
            await asyncio.sleep(0.1)


@pytest.mark.journeys
async def test_a_worker_at_a_stock_server_says_what_to_turn(stock: TemporalServer, tmp_path: Path) -> None:
    warning = await said_of_a_stock_server(stock, tmp_path)
    assert warning["level"] == "warning"
    assert float(str(warning["ms"])) > FAST * 1000
    assert "raise history.transferProcessorMaxPollRPS" in str(warning["event"])


@pytest.mark.journeys
async def test_a_worker_that_cannot_measure_works_all_the_same(ours: TemporalServer, tmp_path: Path) -> None:
    client = await Client.connect(ours.address)
    other = await client.start_workflow(MEASURE_DISPATCH, id=MEASURE_DISPATCH_ID, task_queue=MEASURE_DISPATCH_QUEUE)
    with worker_at(ours, tmp_path, CHANGEOVER_RECONCILE_EVERY="PT1S") as child:
        line = await said(child)
        assert (line["level"], line["code"]) == ("info", "TIMED_OUT")
        await until_a_round_is_done(client)
        assert not child.ended
    await other.terminate()


@pytest.mark.journeys
def test_the_doctor_says_of_a_stock_server_what_to_turn(stock: TemporalServer, tmp_path: Path) -> None:
    done = run("doctor", f"--data={tmp_path}", "--json", environment=environment(stock.address, tmp_path))
    (finding,) = [each for each in json.loads(done.stdout) if each["what"].startswith("a dispatch takes")]
    assert finding["verdict"] == "note"
    assert "history.transferProcessorMaxPollRPS=5000" in finding["mend"]
