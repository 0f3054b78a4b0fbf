"""Follows docs/tutorial.md as it is written."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from examples.fake_systems.server import serving, stocked
from telemetry.loopback import free_ports
from tests.support.commands import COMMAND, ROOT, run
from tests.support.docs_pages import typed_session

pytestmark = pytest.mark.journeys

PAGE = (ROOT / "docs" / "tutorial.md").read_text()
PYTHON = [part.split("```")[0] for part in PAGE.split("```python\n")[1:]]
SHELL = [part.split("```")[0] for part in PAGE.split("```sh\n")[1:]]
*FILE, CONTRACT = PYTHON


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_the_file_on_the_page_is_the_one_in_examples() -> None:
    example = (ROOT / "examples" / "providers" / "bank_payments.py").read_text()
    assert lines("".join(FILE)) == lines(example)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the page, in a folder outside the checkout."""
    (tmp_path / "my_bank.py").write_text("".join(FILE))
    (tmp_path / "test_my_bank.py").write_text(CONTRACT)
    return tmp_path


def test_the_contract_on_the_page_holds(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "-p", "no:cacheprovider", "test_my_bank.py"]
    done = subprocess.run(  # noqa: S603 - our own page
        command, cwd=folder, env=paths(folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d\d passed in", done.stdout), done.stdout


def paths(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": f"{ROOT}:{folder}", "PATH": str(Path(sys.executable).parent), "HOME": str(folder)}


def bash(commands: str) -> str:
    done = subprocess.run(["bash", "-euc", commands], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603, S607 - our own page
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")
def test_everything_runs_with_the_file_on_the_page(folder: Path) -> None:
    with serving(stocked()) as outside:
        (exports,) = [block for block in SHELL if "export" in block]
        named = dict(re.findall(r"([A-Z_]+)=(\S+)", exports.replace("http://127.0.0.1:9100", outside)))
        assert set(named) >= {"CHANGEOVER_PAYMENTS", "CHANGEOVER_SEATS", "CHANGEOVER_OFFERS"}
        names = ("api-port", "web-ui-port", "temporal-port")
        ports = [f"--{name}={port}" for name, port in zip(names, free_ports(3), strict=True)]
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*COMMAND, "up", f"--data={folder / 'data'}", *ports],
            cwd=ROOT,
            env=paths(folder) | named,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            api = next(line.split()[1] for line in process.stdout if line.startswith("API "))
            sold = bash(typed_session(ROOT / "docs" / "first-steps.md", 1).replace("http://127.0.0.1:8080", api))
            _sale, order = json.loads(f"[{sold.replace('}{', '},{')}]")
            assert (order["status"], order["balance"], len(order["reservations"])) == ("confirmed", "0.00", 1)
            (account,) = httpx2.get(f"{outside}/merchants/default/accounts").json().values()
            assert (account["minor"], account["captured"]) == (29900, 29900)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
    assert process.returncode == 0
    data = f"--data={folder / 'data'}"
    check = run("check", data)
    assert check.returncode == 0, check.stdout
