"""The releases that are kept in tests/releases: what they pinned, and their code as processes beside the present one.

They run in the present environment, with the packages of the present lock: their own lock is kept beside them.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.processes import Child
from tests.support.source_archive import ROOT, files_in, unpack

FOLDER = ROOT / "tests" / "releases"


@dataclass(frozen=True)
class KeptRelease:
    """A release that is kept, by its version."""

    version: str

    @property
    def folder(self) -> Path:
        """The folder in which it is kept."""
        return FOLDER / self.version

    @property
    def packed(self) -> Path:
        """The archive of what runs of it, with its pins and histories."""
        return self.folder / f"changeover-{self.version}-runtime.tar.gz"

    def files(self, below: str = "") -> Mapping[str, bytes]:
        """Return the contents of its files by their paths, those below a path only."""
        return {path: content for path, content in files_in(self.packed).items() if path.startswith(below)}

    def unpack(self, folder: Path) -> "UnpackedRelease":
        """Unpack it into an empty folder."""
        return UnpackedRelease(unpack(self.packed.read_bytes(), folder))


@dataclass(frozen=True)
class UnpackedRelease:
    """A release that was unpacked. Its processes import its own code, wherever they run."""

    root: Path

    @property
    def _environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.root), "PYTHONSAFEPATH": "1"}

    def run(self, *words: str, **settings: str) -> None:
        """Run one of its commands until it ends, with these settings; a failure is an AssertionError."""
        environment = {**os.environ, **self._environment, **settings}  # noqa: TID251 - a child inherits our environment
        command = [sys.executable, "-m", "cli", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own command
        assert done.returncode == 0, done.stdout + done.stderr

    def process(self, word: str, log: Path, settings: Mapping[str, str]) -> Child:
        """Return its worker or its API as a process, which a test starts and stops."""
        environment = {**self._environment, **settings}
        return Child(f"{self.root.name} {word}", [sys.executable, "-m", "cli", word], log, environment)


def kept_releases() -> list[KeptRelease]:
    """Return the releases that are kept, the earliest first; none in a release itself, which contains no releases."""
    found = [path.name for path in FOLDER.glob("*.*.*") if path.is_dir()]
    return [KeptRelease(version) for version in sorted(found, key=lambda each: [int(part) for part in each.split(".")])]


def last_release() -> KeptRelease:
    """Return the last release that is kept; skip the test where none is."""
    if not (found := kept_releases()):
        pytest.skip("no release is kept here: these sources are a release themselves")
    return found[-1]
