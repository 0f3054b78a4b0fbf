"""The commands `up` and `demo`, and the commands on pages, as a user types them."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cli.demo.stories import CARD, TWO, add, named, remove, replace
from cli.http_clients.native import NativeClient
from cli.http_clients.responses import Json
from cli.ports import choose_port, is_free
from store.database.store import utc_now
from telemetry.loopback import HOST, free_port, free_ports
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
        "A payment refused by the bank after the swap: everything is undone",
        "swap_offer_bundle  undone",
        "Both books agree: our ledger, the bank's own; 5 payments",
        "Nine stories",
    ):
        assert expected in stories
    assert stories.count("Exactly as before") == 2


def test_with_everything_embedded_a_refused_change_of_the_demo_never_happened(tmp_path: Path) -> None:
    stories = run_demo(tmp_path, "--embedded")
    for expected in ("A payment refused after the swap: it never happened", "PAYMENT_REFUSED", "Nine stories"):
        assert expected in stories
    for absent in ("demo bank", "undone", "Both books"):
        assert absent not in stories


def test_the_demo_with_faults_ends_with_every_order_changed_or_unchanged(tmp_path: Path) -> None:
    stories = run_demo(tmp_path, "--kill-worker", "--last-seat", "--fail=authorise_payment")
    for expected in (
        "kill -9",
        "It asks the bank again, by the same key",
        "seconds after the kill",
        "SOLD_OUT",
        "has one holder",
        "authorise_payment is refused",
        "authorise_payment fails permanently",
        "authorise_payment is done, and its result is lost permanently",
        "consistency checks pass",
        "Both books agree",
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
def up(
    data: Path, *more: str, launcher: Sequence[str] = COMMAND, folder: Path = ROOT
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `up` in a folder while the block lasts; yield the process and the API's address."""
    names = ("api-port", "web-ui-port", "temporal-port")
    ports = [f"--{name}={port}" for name, port in zip(names, free_ports(3), strict=True)]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*launcher, "up", f"--data={data}", *ports, *more], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        address = next(line.split()[1] for line in process.stdout if line.startswith("API "))
        yield process, address
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def run_session(page: str, api: str, elsewhere: Mapping[str, str] | None = None) -> list[str]:
    """Run the shell commands of a page, with other addresses in place of its own; return the lines of their output."""
    commands = typed_session(ROOT / page)
    for address, used in {"http://127.0.0.1:8080": api, **(elsewhere or {})}.items():
        commands = commands.replace(address, used)
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
            '"type":"change_undone"',
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
        diagnosis = run("doctor", f"--data={tmp_path}")
        assert (diagnosis.returncode, "book agrees with our ledger: 0 payments" in diagnosis.stdout) == (0, True)


def test_killing_up_kills_its_processes(tmp_path: Path) -> None:
    with up(tmp_path) as (process, _):
        assert len(processes_of(str(tmp_path))) >= 2
        process.kill()
        process.wait()
        deadline = time.monotonic() + 10
        while processes_of(str(tmp_path)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert processes_of(str(tmp_path)) == []


BANK = "examples.fake_systems.bank_server"


def children_of(process: subprocess.Popen[str], argument: str) -> list[int]:
    """Return the processes of an `up` that have an argument."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    # Whole arguments: the path of the data folder holds the name of the test.
    return [int(pid) for pid in children if argument.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]


def kill_child(process: subprocess.Popen[str], argument: str) -> None:
    """Kill the process of an `up` that has an argument."""
    (child,) = children_of(process, argument)
    os.kill(child, signal.SIGKILL)


def refusal_of(*arguments: str) -> str:
    """Run an `up` that must be refused; return what it prints, in one line."""
    refused = run("up", *arguments)
    assert refused.returncode == 1
    return " ".join(refused.stdout.split())


def book_compared(data: Path) -> int:
    """Run `check`, which must find nothing; return how many payments it compared."""
    done = run("check", "--json", f"--data={data}")
    assert done.returncode == 0, done.stdout
    compared: int = json.loads(done.stdout)["books"]["compared"]
    return compared


def test_up_restarts_a_bank_that_died_and_its_book_is_kept_between_runs(tmp_path: Path) -> None:
    day = utc_now().date() + timedelta(days=9)
    with up(tmp_path) as (process, api), closing(NativeClient(api)) as client:
        order = client.order("NOK", "bank")
        sale = add(client.offer("standard", TWO, service=f"4711-{day}"), named(TWO))
        assert change(client, order, sale, payment=CARD)["state"] == "done"
        kill_child(process, BANK)
        dearer = client.offer("flexible", TWO, service=f"4713-{day}")
        assert change(client, order, replace(lines_of(client, order), dearer), payment=CARD)["state"] == "done"
        assert book_compared(tmp_path) == 2
    assert "is not running" in " ".join(run("check", f"--data={tmp_path}").stdout.split())
    assert "are at the demo bank" in refusal_of(f"--data={tmp_path}", "--embedded")
    with up(tmp_path) as (_, api), closing(NativeClient(api)) as client:
        paid = Decimal(client.show(order)["paid"])
        cancelled = change(client, order, remove(lines_of(client, order)), refund_price_difference=True)
        assert cancelled["state"] == "done"
        assert Decimal(client.show(order)["paid"]) < paid
        assert book_compared(tmp_path) == 2


def lines_of(client: NativeClient, order: str) -> list[str]:
    return [line["id"] for line in client.show(order)["lines"]]


def change(client: NativeClient, order: str, operation: Json, **more: Any) -> Json:
    """Run a change, confirmed at once."""
    return client.run(f"/v1/orders/{order}/changes", {"operations": [operation], "confirm": True, **more})


def test_an_embedded_up_has_no_bank_and_gets_none_later(tmp_path: Path) -> None:
    with up(tmp_path, "--embedded") as (process, _):
        assert children_of(process, BANK) == []
        assert not (tmp_path / "bank.db").exists()
        assert json.loads(run("check", "--json", f"--data={tmp_path}").stdout)["books"] is None
    assert process.returncode == 0
    assert "are not at the demo bank" in refusal_of(f"--data={tmp_path}")


def test_up_restarts_a_worker_that_died(tmp_path: Path) -> None:
    with up(tmp_path) as (process, api):
        kill_child(process, "worker")
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
        assert choose_port(None, port, (other := free_port())) == other


def test_a_free_port_is_used_as_requested() -> None:
    port = free_port()
    assert choose_port(port, 1, 1) == choose_port(None, port, 1) == port


def test_the_launcher_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "changeover").write_bytes((ROOT / "changeover").read_bytes())
    command = ["/bin/sh", str(tmp_path / "changeover"), "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 1
    assert "make install" in done.stderr
