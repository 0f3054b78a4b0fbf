"""The commands, as a newcomer types them."""

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

from cli import doctor
from cli.ports import HOST, choose, free_port, is_free
from store.migrate import migrate
from tests.support.commands import ROOT, US, run


def processes_of(group: str) -> list[int]:
    """Return the processes whose command line mentions something."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if group.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_the_demo_tells_all_its_stories_and_leaves_nothing_behind() -> None:
    done = run("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^API http://127\.0\.0\.1:\d+$", done.stdout, re.MULTILINE)
    for said in (
        "46.00",
        "TRAVELLERS_INCOMPLETE",
        "paid 798.00",
        "SOLD_OUT",
        "PAYMENT_REFUSED",
        "8.162",
        "Eight stories",
    ):
        assert said in done.stdout
    assert done.stdout.count("Exactly as before") == 2
    assert processes_of("changeover-demo-") == []


@contextmanager
def up(data: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `up` until the block ends; yield the process and the API's address."""
    ports = [f"--{name}={free_port()}" for name in ("api-port", "web-ui-port", "temporal-port")]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*US, "up", f"--data={data}", *ports, *more], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        address = next(line.split()[1] for line in process.stdout if line.startswith("API "))
        yield process, address
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def the_readme_by_hand(api: str) -> list[str]:
    """Type each block of commands the README has; return what the last command of each answers."""
    blocks = [part.split("```")[0] for part in (ROOT / "README.md").read_text().split("```sh\n")[1:]]
    typed = [["bash", "-euc", block.replace("http://127.0.0.1:8080", api)] for block in blocks]
    return [
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own README
        for command in typed
    ]


@pytest.mark.skipif(shutil.which("curl") is None, reason="both type curl")
def test_the_readme_by_hand_and_entur_in_five_calls_do_what_they_say(tmp_path: Path) -> None:
    with up(tmp_path) as (_, api):
        native, discover = the_readme_by_hand(api)
        assert '"status":"confirmed"' in native
        item = json.loads(discover)["orderItem"]
        assert (item["orderItemStatus"], item["amountCHF"], item["taxCHF"]) == ("Placed", 46.0, 3.542)
        command = [str(ROOT / "examples" / "entur-in-five-calls.sh"), api]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own example
    assert "full: SOLD_OUT" in done.stdout
    assert done.stdout.count("CONFIRMED version 1 total 299.00 balance 0.00") == 1


def test_up_keeps_its_state_between_runs_and_ends_everything_at_ctrl_c(tmp_path: Path) -> None:
    with up(tmp_path) as (process, api):
        made = httpx2.post(f"{api}/v1/orders", json={"currency": "NOK"}, headers={"Idempotency-Key": "kept"})
        assert made.status_code == 201
        number = made.json()["number"]
    assert process.returncode == 0
    assert processes_of(str(tmp_path)) == []
    with up(tmp_path) as (process, api):
        again = httpx2.post(f"{api}/v1/orders", json={"currency": "NOK"}, headers={"Idempotency-Key": "kept"})
        assert (again.json()["number"], again.headers["idempotency-replayed"]) == (number, "true")


def test_a_killed_up_takes_its_processes_along(tmp_path: Path) -> None:
    with up(tmp_path) as (process, _):
        assert len(processes_of(str(tmp_path))) >= 2
        process.kill()
        process.wait()
        give_up = time.monotonic() + 10
        while processes_of(str(tmp_path)) and time.monotonic() < give_up:
            time.sleep(0.05)
        assert processes_of(str(tmp_path)) == []


def test_up_starts_a_worker_that_died_again(tmp_path: Path) -> None:
    with up(tmp_path) as (process, api):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        worker = next(pid for pid in children if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(int(worker), signal.SIGKILL)
        number = httpx2.post(f"{api}/v1/orders", json={"currency": "NOK"}, headers={"Idempotency-Key": "n"}).json()
        give_up = time.monotonic() + 40
        while True:
            answer = httpx2.post(
                f"{api}/v1/orders/{number['number']}/confirm", json={}, headers={"Idempotency-Key": "c"}, timeout=30
            )
            if answer.status_code != httpx2.codes.SERVICE_UNAVAILABLE or time.monotonic() > give_up:
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
        assert choose(None, port) != port


def test_a_free_port_is_had_as_asked() -> None:
    port = free_port()
    assert choose(port, 1) == choose(None, port) == port


def test_doctor_finds_a_healthy_machine_healthy(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path / 'changeover.db'}")
    done = run("doctor", f"--data={tmp_path}")
    assert done.returncode == 0, done.stdout
    for said in ("Python", "SQLite", "temporal version", "store at schema 0005"):
        assert said in done.stdout
    assert "bad" not in done.stdout


def test_doctor_says_what_to_do_about_an_old_store_and_a_missing_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "changeover.db").touch()
    monkeypatch.setattr(doctor, "temporal_binary", lambda: tmp_path / "temporal")
    assert doctor.doctor(tmp_path) == 1
    said = capsys.readouterr().out
    assert "run `make install`" in said
    assert "changeover migrate" in said


def test_the_launcher_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "changeover").write_bytes((ROOT / "changeover").read_bytes())
    command = ["/bin/sh", str(tmp_path / "changeover"), "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 1
    assert "make install" in done.stderr
