"""The commands `up` and `demo`, and the commands on pages, as a user types them."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from cli.ports import choose_port, is_free
from telemetry.loopback import HOST, free_port
from tests.support.commands import COMMAND, ROOT, run
from tests.support.docs_pages import typed_session

pytestmark = pytest.mark.journeys


def processes_of(group: str) -> list[int]:
    """Return the processes whose command line contains a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if group.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def run_demo(folder: Path, *trouble: str) -> str:
    """Run the demo in a folder of its own and return its output; assert that no process and no file remain."""
    done = run("demo", *trouble, environment={"TMPDIR": str(folder)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert processes_of(str(folder)) == []
    assert list(folder.iterdir()) == []
    return done.stdout


def test_the_demo_runs_all_stories_and_leaves_nothing_behind(tmp_path: Path) -> None:
    stories = run_demo(tmp_path)
    assert re.search(r"^API http://127\.0\.0\.1:\d+$", stories, re.MULTILINE)
    for expected in (
        "46.00",
        "TRAVELLERS_INCOMPLETE",
        "paid 798.00",
        "SOLD_OUT",
        "PAYMENT_REFUSED",
        "8.162",
        "Maria still has seat 2-07 and her meal",
        "188.50 was paid back for Ida, nothing for Olav",
        "Nine stories",
    ):
        assert expected in stories
    assert stories.count("Exactly as before") == 2


def test_the_demo_with_faults_ends_with_every_order_changed_or_unchanged(tmp_path: Path) -> None:
    stories = run_demo(tmp_path, "--kill-worker", "--last-seat", "--fail=authorise_payment")
    for expected in (
        "kill -9",
        "seconds after the kill",
        "SOLD_OUT",
        "has one holder",
        "authorise_payment is refused",
        "authorise_payment fails permanently",
        "authorise_payment is done, and its result is lost permanently",
        "consistency checks pass",
        "The guarantees held",
    ):
        assert expected in stories
    # Refused, failed, result lost, and the order that did not get the last seat.
    assert stories.count("Exactly as before") == 4
    assert stories.count("Changed exactly once") == 2


@pytest.mark.faults
def test_an_undo_that_keeps_failing_needs_an_operator_who_resolves_it(tmp_path: Path) -> None:
    stories = run_demo(tmp_path, "--fail=restore_offer_bundle")
    assert "The order needs attention" in stories
    assert "unsettled: 2 new lines on the order" in stories
    assert stories.count("Exactly as before") == 2


@contextmanager
def up(data: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `up` while the block lasts; yield the process and the API's address."""
    ports = [f"--{name}={free_port()}" for name in ("api-port", "web-ui-port", "temporal-port")]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, "up", f"--data={data}", *ports, *more], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        address = next(line.split()[1] for line in process.stdout if line.startswith("API "))
        yield process, address
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def run_session(page: str, api: str) -> list[str]:
    """Run the shell commands of a page; return the lines of their output."""
    commands = typed_session(ROOT / page).replace("http://127.0.0.1:8080", api)
    command = ["bash", "-euc", commands]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S603 - our own page


@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages use curl")
def test_the_commands_on_the_pages_do_what_the_pages_say(tmp_path: Path) -> None:
    with up(tmp_path) as (_, api):
        readme = run_session("README.md", api)
        for part in ('"state":"done"', '"version":2', '"total":"349.00","balance":"0.00"'):
            assert part in readme[-1]
        steps = "\n".join(run_session("docs/first-steps.md", api))
        for expected in (
            '"status":"confirmed","version":1,',
            '"total":"299.00","balance":"0.00"',
            '"total":"349.00","balance":"0.00"',
            '"code":"PAYMENT_REFUSED"',
            "exactly as before",
        ):
            assert expected in steps
        item = json.loads("\n".join(run_session("docs/discover.md", api)))["orderItem"]
        assert (item["orderItemStatus"], item["amountCHF"], item["taxCHF"]) == ("Placed", 46.0, 3.542)
        command = [str(ROOT / "examples" / "entur-in-five-calls.sh"), api]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own example
    assert "full: SOLD_OUT" in done.stdout
    assert done.stdout.count("CONFIRMED version 1 total 299.00 balance 0.00") == 1


def test_up_keeps_its_state_between_runs_and_stops_everything_at_ctrl_c(tmp_path: Path) -> None:
    with up(tmp_path) as (process, api):
        created = httpx2.post(f"{api}/v1/orders", json={"currency": "NOK"}, headers={"Idempotency-Key": "kept"})
        assert created.status_code == 201
        number = created.json()["number"]
    assert process.returncode == 0
    assert processes_of(str(tmp_path)) == []
    with up(tmp_path) as (process, api):
        again = httpx2.post(f"{api}/v1/orders", json={"currency": "NOK"}, headers={"Idempotency-Key": "kept"})
        assert (again.json()["number"], again.headers["idempotency-replayed"]) == (number, "true")


def test_a_second_up_on_the_same_data_prints_the_addresses_of_the_first(tmp_path: Path) -> None:
    with up(tmp_path) as (process, api):
        second = run("up", f"--data={tmp_path}")
        assert second.returncode == 1
        # The lengths of paths and numbers decide where lines break.
        output = " ".join(second.stdout.split())
        assert f"already runs on {tmp_path} (process {process.pid})" in output
        assert api in output
        assert run("doctor", f"--data={tmp_path}").returncode == 0


def test_killing_up_kills_its_processes(tmp_path: Path) -> None:
    with up(tmp_path) as (process, _):
        assert len(processes_of(str(tmp_path))) >= 2
        process.kill()
        process.wait()
        deadline = time.monotonic() + 10
        while processes_of(str(tmp_path)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert processes_of(str(tmp_path)) == []


def test_up_restarts_a_worker_that_died(tmp_path: Path) -> None:
    with up(tmp_path) as (process, api):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        worker = next(pid for pid in children if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(int(worker), signal.SIGKILL)
        number = httpx2.post(f"{api}/v1/orders", json={"currency": "NOK"}, headers={"Idempotency-Key": "n"}).json()
        deadline = time.monotonic() + 40
        while True:
            answer = httpx2.post(
                f"{api}/v1/orders/{number['number']}/confirm", json={}, headers={"Idempotency-Key": "c"}, timeout=30
            )
            if answer.status_code != httpx2.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                break
        assert (answer.status_code, answer.json()["code"]) == (409, "ORDER_EMPTY")


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        done = run("up", f"--data={tmp_path}", f"--api-port={port}")
        assert done.returncode == 1
        assert f"Port {port} is taken" in done.stdout
        assert choose_port(None, port) != port


def test_a_free_port_is_used_as_requested() -> None:
    port = free_port()
    assert choose_port(port, 1) == choose_port(None, port) == port


def test_the_launcher_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "changeover").write_bytes((ROOT / "changeover").read_bytes())
    command = ["/bin/sh", str(tmp_path / "changeover"), "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 1
    assert "make install" in done.stderr
