"""Breaks each thing that `doctor` checks, and runs the command with which `doctor` says to fix it."""

import asyncio
import json
import os
import re
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx2
import pytest
from sqlalchemy import create_engine, text
from temporalio.client import Client

from cli import doctor
from cli.doctor.findings import Finding, Verdict
from cli.doctor.target import Target
from cli.instance_lock import lock_data
from cli.processes import Child
from cli.temporal_server import temporal_binary
from runtime.settings import Settings
from store.database.connections import database_url
from store.database.migrate import migrate
from telemetry.loopback import HOST, free_port
from tests.support.commands import COMMAND, ROOT, run
from tests.support.postgres import new_database

pytestmark = pytest.mark.journeys

NO_DATA = Path("/no-such-folder")


def target_of(data: Path = NO_DATA, **named: str | int) -> Target:
    return Target(Settings.model_validate(named), data, None)


def bad(found: list[Finding], words: str) -> Finding:
    """Return the only bad finding that contains these words."""
    (one,) = [each for each in found if each.verdict is Verdict.BAD and words in each.what]
    assert one.fix
    return one


def well(found: list[Finding]) -> bool:
    return all(each.verdict is not Verdict.BAD for each in found)


def run_fix(finding: Finding) -> None:
    """Run the command that fixes a finding."""
    (command,) = re.findall("`([^`]+)`", finding.fix)
    run_shell(command)


def run_shell(command: str) -> None:
    """Run a command in a shell."""
    subprocess.run(command, shell=True, cwd=ROOT, check=True, capture_output=True, timeout=60)  # noqa: S602 - our own command


# The machine


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bad(list(doctor.machine.examine(target_of(tmp_path / "file"))), "data folder")
    assert well(list(doctor.machine.examine(target_of(tmp_path / "not there yet"))))


def test_a_full_disk_an_old_sqlite_and_a_missing_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.machine, "NEEDED_BYTES", 2**62)
    monkeypatch.setattr(doctor.machine, "MINIMUM_SQLITE", (99, 0))
    monkeypatch.setattr(doctor.machine, "MINIMUM_PYTHON", (99, 0))
    monkeypatch.setattr(doctor.machine, "temporal_binary", lambda: tmp_path / "temporal")
    found = list(doctor.machine.examine(target_of(tmp_path)))
    for words in ("MiB free", "SQLite", "Python", "the `temporal` binary"):
        bad(found, words)


# The database


def test_a_database_without_our_schema_is_migrated_by_the_command_of_the_finding(tmp_path: Path) -> None:
    target = target_of(tmp_path)
    (tmp_path / "changeover.db").touch()
    run_fix(bad(list(doctor.database.examine(target)), "at schema none, 0001 is needed"))
    assert well(list(doctor.database.examine(target)))


def test_a_newer_database_and_a_file_that_is_no_database_are_bad(tmp_path: Path) -> None:
    target = target_of(tmp_path)
    migrate(target.database)
    engine = create_engine(database_url(target.database))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'tomorrow'"))
    engine.dispose()
    bad(list(doctor.database.examine(target)), "does not know")
    (tmp_path / "changeover.db").write_bytes(b"not a database, but long enough to be read as one" * 100)
    bad(list(doctor.database.examine(target)), "cannot be read")


def test_a_missing_database_is_bad_if_it_is_configured(tmp_path: Path) -> None:
    bad(list(doctor.database.examine(target_of(database=f"sqlite:///{tmp_path / 'none.db'}"))), "no database")
    silent = f"postgresql://user:secret@{HOST}:{free_port()}/none"
    found = list(doctor.database.examine(target_of(database=silent)))
    assert "secret" not in bad(found, "cannot be read").what
    assert well(list(doctor.database.examine(target_of(tmp_path))))


def test_a_wrong_clock_of_the_database_is_bad(postgres_url: str) -> None:
    url = new_database(postgres_url, "clock")
    migrate(url)
    assert well(list(doctor.database.examine(target_of(database=url))))
    engine = create_engine(database_url(url))
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA off"))
        late = (
            "CREATE FUNCTION off.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$SELECT now() - INTERVAL '1h'$$"
        )
        connection.execute(text(late))
        connection.execute(text(f"ALTER DATABASE {engine.url.database} SET search_path = off, pg_catalog, public"))
    engine.dispose()
    assert "behind" in bad(list(doctor.database.examine(target_of(database=url))), "clock of the database").what


# Temporal


@contextmanager
def worker_of(address: str, namespace: str, folder: Path, build: str = "") -> Iterator[None]:
    """Run a worker process while the block lasts."""
    folder.mkdir(exist_ok=True)
    database = f"sqlite:///{folder / 'changeover.db'}"
    migrate(database)
    environment = {
        "CHANGEOVER_DATABASE": database,
        "CHANGEOVER_BUILD": build,
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": namespace,
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }
    child = Child(f"worker {build}", [*COMMAND, "worker"], folder / "worker.log", environment)
    child.start()
    try:
        yield
    finally:
        child.stop()


async def poll_until(target: Target, expected: str = "") -> list[Finding]:
    """Examine Temporal until nothing is bad, or until a finding that is not ok contains the expected words."""
    async with asyncio.timeout(60):
        while True:
            found = await doctor.temporal.examine(target)
            matches = any(expected in each.what for each in found if each.verdict is not Verdict.OK)
            if matches if expected else well(found):
                return found
            await asyncio.sleep(0.1)


def in_namespace(monkeypatch: pytest.MonkeyPatch, address: str) -> tuple[Target, str]:
    namespace = f"doctor-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("TEMPORAL_NAMESPACE", namespace)
    return target_of(temporal_address=address), namespace


async def test_an_unreachable_temporal_is_bad_if_it_is_configured(tmp_path: Path) -> None:
    bad(await doctor.temporal.examine(target_of(temporal_address=f"{HOST}:{free_port()}")), "does not answer")
    assert well(await doctor.temporal.examine(target_of(tmp_path)))


async def test_the_commands_of_the_findings_fix_temporal_one_by_one(
    temporal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, namespace = in_namespace(monkeypatch, temporal)
    run_fix(bad(await doctor.temporal.examine(named), "no namespace"))
    found = await poll_until(named, "search attributes are not registered")
    bad(found, "no worker")
    bad(found, "no schedule")
    run_fix(bad(found, "search attributes are not registered"))
    with worker_of(temporal, namespace, tmp_path):
        assert doctor.temporal.DISPATCH in await poll_until(named)
        client = await Client.connect(temporal, namespace=namespace)
        await client.get_schedule_handle("reconcile").pause()
        run_fix(bad(await doctor.temporal.examine(named), "is paused"))
        await poll_until(named)
        with monkeypatch.context() as later:
            later.setattr(doctor.temporal, "utc_now", lambda: datetime.now(UTC) + timedelta(hours=1))  # noqa: TID251 - another clock
            bad(await doctor.temporal.examine(named), "last started")


async def test_search_attributes_of_another_type_are_bad(temporal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    named, namespace = in_namespace(monkeypatch, temporal)
    run_fix(bad(await doctor.temporal.examine(named), "no namespace"))
    await poll_until(named, "search attributes are not registered")
    where = f"--namespace {namespace} --address {temporal}"
    run_shell(f"{temporal_binary()} operator search-attribute create --name OrderNumber --type Int {where}")
    bad(await doctor.temporal.examine(named), "another type: OrderNumber")


async def test_builds_without_a_current_one_are_bad_and_several_builds_are_noted(
    temporal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, namespace = in_namespace(monkeypatch, temporal)
    run_fix(bad(await doctor.temporal.examine(named), "no namespace"))
    run_fix(bad(await poll_until(named, "search attributes are not registered"), "search attributes"))
    with (
        worker_of(temporal, namespace, tmp_path / "1", "first"),
        worker_of(temporal, namespace, tmp_path / "2", "second"),
        worker_of(temporal, namespace, tmp_path / "3"),
    ):
        run_fix(bad(await poll_until(named, "build first, second, none of which is current"), "they do nothing"))
        found = await poll_until(named, "several builds: second is current, beside first")
        assert well(found)
        await poll_until(named, "some workers have a build and some have none")


# The API


@contextmanager
def answering(status: int, body: object, off: timedelta = timedelta()) -> Iterator[int]:
    """Answer every request at a port with a status and a body; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(datetime.now(UTC) + off, usegmt=True)  # noqa: TID251 - another clock

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """Log nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def test_an_unreachable_api_or_another_program_is_bad_if_an_api_is_expected(tmp_path: Path) -> None:
    port = free_port()
    bad(list(doctor.api.examine(target_of(temporal_address="named", api_port=port))), "no API answers")
    assert well(list(doctor.api.examine(target_of(tmp_path, api_port=port))))
    with answering(200, {"hello": "you"}) as taken:
        bad(list(doctor.api.examine(target_of(temporal_address="named", api_port=taken))), "another program")
        assert well(list(doctor.api.examine(target_of(tmp_path, api_port=taken))))


def test_a_wrong_clock_of_the_api_is_bad() -> None:
    ours = {"info": {"title": "Changeover"}}
    with answering(200, ours, timedelta(hours=1)) as port:
        assert "ahead" in bad(list(doctor.api.examine(target_of(api_port=port))), "clock of the API").what
    with answering(200, ours) as port:
        assert well(list(doctor.api.examine(target_of(api_port=port))))


def test_an_api_that_cannot_reach_temporal_is_bad(tmp_path: Path) -> None:
    port, database = free_port(), f"sqlite:///{tmp_path / 'changeover.db'}"
    migrate(database)
    environment = {
        "CHANGEOVER_DATABASE": database,
        "CHANGEOVER_API_PORT": str(port),
        "TEMPORAL_ADDRESS": f"{HOST}:{free_port()}",
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }
    child = Child("api", [*COMMAND, "api"], tmp_path / "api.log", environment)
    child.start()
    try:
        _wait_until_listening(port)
        bad(list(doctor.api.examine(target_of(api_port=port))), "not ready: ENGINE_UNREACHABLE")
    finally:
        child.stop()


def _wait_until_listening(port: int) -> None:
    for _ in range(300):
        try:
            httpx2.get(f"http://{HOST}:{port}/health", timeout=2)
        except httpx2.TransportError:
            with socket.socket() as waiting:
                waiting.settimeout(0.1)
                waiting.connect_ex((HOST, port))
        else:
            return
    raise AssertionError("the API did not start")


# The command


def test_it_examines_the_up_that_uses_the_data_folder(tmp_path: Path) -> None:
    assert not Target.of(tmp_path).expected
    with lock_data(tmp_path, "http://api", "http://web-ui", "temporal:1"):
        target = Target.of(tmp_path)
        assert (target.expected, target.api, target.temporal) == (True, "http://api", "temporal:1")
    assert not Target.of(tmp_path).expected


def test_its_exit_code_and_json_report_the_findings(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path / 'changeover.db'}")
    healthy = run("doctor", f"--data={tmp_path}", "--json")
    found = json.loads(healthy.stdout)
    assert healthy.returncode == 0, found
    assert {"what": "SQLite 3", "verdict": "ok"}.items() <= {**found[1], "what": found[1]["what"][:8]}.items()
    gone = {"TEMPORAL_ADDRESS": f"{HOST}:{free_port()}"}
    failing = run("doctor", f"--data={tmp_path}", environment=gone)
    assert failing.returncode == 1
    assert "bad  Temporal at" in failing.stdout
