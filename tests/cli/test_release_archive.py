"""A release runs where it is unpacked, with the README's two commands and without git."""

import os
import subprocess
from datetime import date
from pathlib import Path

import httpx2
import pytest

from tests.cli.test_commands import processes_of, up
from tests.make_release import Release
from tests.support.commands import ROOT
from tests.support.source_archive import is_checkout, unpack, work_tree

pytestmark = [
    pytest.mark.journeys,
    pytest.mark.skipif(not is_checkout(), reason="a release is made in a git checkout"),
]
MAKE = ["make", "--old-file=.venv/installed"]
"""Without the installation, which the tests share: it is of the same lock."""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The archive of the sources as they are now."""
    repository = tmp_path_factory.mktemp("archive") / "tree.git"
    return Release("0.0.0", date(2027, 3, 1), work_tree(repository), repository).archive()


def install(packed: bytes, folder: Path) -> Path:
    """Unpack a release into an empty folder, and give it the environment of these tests."""
    folder.mkdir()
    sources = unpack(packed, folder)
    (sources / ".venv").symlink_to(ROOT / ".venv")
    return sources


def run(sources: Path, *command: str, **settings: str) -> str:
    """Run a command in a release until it ends, and return what it prints."""
    # No variable of these tests, and no git repository around the release, may help it.
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}  # noqa: TID251 - as above
    done = subprocess.run(  # noqa: S603 - our own commands
        command, cwd=sources, env=environment | settings, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_runs_from_a_folder_with_a_space_in_its_name(packed: bytes, tmp_path: Path) -> None:
    sources = install(packed, tmp_path / "my releases")
    (tmp_path / "temporary").mkdir()
    assert "Nine stories" in run(sources, *MAKE, "demo", TMPDIR=str(tmp_path / "temporary"))
    assert processes_of(str(tmp_path)) == []


def test_up_runs_the_code_of_the_release_beside_another_checkout(packed: bytes, tmp_path: Path) -> None:
    sources = install(packed, tmp_path / "releases")
    # Where the command is typed lie modules with the names of ours.
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "cli").mkdir(parents=True)
    (elsewhere / "cli" / "__init__.py").write_text("raise ImportError\n")
    launcher = [str(sources / "changeover")]
    with up(tmp_path / "data", "--embedded", launcher=launcher, folder=elsewhere) as (process, api):
        sent = httpx2.post(f"{api}/v1/orders", json={"currency": "NOK"}, headers={"Idempotency-Key": "first"})
        assert sent.status_code == httpx2.codes.CREATED
    assert process.returncode == 0
    assert processes_of(str(tmp_path)) == []


def test_the_tests_run_without_git_and_those_that_need_it_are_skipped(packed: bytes, tmp_path: Path) -> None:
    sources = install(packed, tmp_path / "releases")
    pytest_ = [".venv/bin/python", "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider"]
    assert "error" not in run(sources, *pytest_, "--collect-only", "-q").splitlines()[-1]
    here = ["tests/test_releases.py", "tests/test_make_release.py", "tests/cli/test_release_archive.py"]
    passed = run(sources, *pytest_, *here).splitlines()[-1]
    assert "skipped" in passed
    assert "failed" not in passed
