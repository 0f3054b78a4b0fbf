"""Makes the release of the present commit in build/: `make release`. With `--keep` it is also kept in tests/releases.

Nothing is published. docs/releasing.md says what a release consists of and what is done before and after.
"""

import hashlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.support.licences import LicenceUnknownError, third_party_licences
from tests.support.pins import PIN_TESTS, PINS
from tests.support.source_archive import ROOT, archive, git, is_checkout

KEPT = "tests/releases"
LOCK = "requirements.lock"
SUMS = "SHA256SUMS"
RUNTIME = (
    *("activities", "api", "cli", "domain", "examples", "providers", "runtime", "store", "telemetry", "temporal"),
    *("workflows", "worker.py", "changeover", "pyproject.toml", "LICENSE", *PINS, "tests/histories"),
)
"""What is kept of a release: what runs, for the tests of mixed versions, and its pins and histories."""
_HEADING = re.compile(r"^## (\S+)(?: - (\d{4}-\d\d-\d\d))?\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


class NotReadyError(Exception):
    """The commit cannot be released; the message says why."""


@dataclass(frozen=True)
class Release:
    """A version, the day on which the changelog says that it was released, and the git tree that it consists of."""

    version: str
    day: date
    tree: str = "HEAD"
    repository: Path = ROOT

    @property
    def name(self) -> str:
        """The name of the archive's folder, and what the names of all files begin with."""
        return f"changeover-{self.version}"

    def archive(self, *paths: str, tree: str | None = None) -> bytes:
        """Return the source archive, or that of some paths, or of another tree."""
        return archive(tree or self.tree, self.name, self.day, *paths, repository=self.repository)


def release_of(root: Path = ROOT) -> Release:
    """Return the release of these sources. Raise NotReadyError unless the changelog has its date and all changes."""
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    sections = {name: (day, text) for name, day, text in _HEADING.findall((root / "CHANGELOG.md").read_text())}
    day, text = sections.get(version, ("", ""))
    if not day or not text.strip():
        raise NotReadyError(f"CHANGELOG.md has no section '## {version} - YYYY-MM-DD' with what has changed.")
    if sections.get("Unreleased", ("", ""))[1].strip():
        raise NotReadyError(f"CHANGELOG.md lists changes under Unreleased: move them to {version} or to a new version.")
    return Release(version, date.fromisoformat(day), repository=root)


def check_commit(release: Release) -> None:
    """Raise NotReadyError if a file is not committed, or if the version was released with other contents."""
    root = release.repository
    if not is_checkout(root):
        raise NotReadyError("A release is made in a git checkout.")
    if changed := git("status", "--porcelain", root=root):
        raise NotReadyError(f"These files are not committed:\n{changed}")
    tag = f"v{release.version}"
    if git("tag", "--list", tag, root=root) and release.archive() != release.archive(tree=tag):
        raise NotReadyError(f"{tag} has other contents: choose a new version.")


def check_frozen(version: str) -> None:
    """Raise NotReadyError if a persisted name is not pinned, or differs from an earlier release."""
    tests = [*PIN_TESTS, "tests/test_releases.py", "-k", f"not {version} and not last_release_is_kept"]
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *tests]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:  # noqa: S603 - our own tests
        raise NotReadyError("Persisted names are not frozen: see above.")


def artefacts(release: Release, sbom: Path) -> dict[str, bytes]:
    """Return the files of a release by name. Raise LicenceUnknownError."""
    lock = (release.repository / LOCK).read_text()
    return _with_sums(
        {
            f"{release.name}.tar.gz": release.archive(),
            f"{release.name}-sbom.json": sbom.read_bytes(),
            f"{release.name}-licences.txt": third_party_licences(lock).encode(),
        }
    )


def kept(release: Release, artefact_files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return what is kept of a release that was made: its runtime part, its lock, and the sums of all files."""
    files = {
        f"{release.name}-runtime.tar.gz": release.archive(*RUNTIME),
        LOCK: (release.repository / LOCK).read_bytes(),
    }
    sums = _with_sums(files)
    return {**sums, SUMS: artefact_files[SUMS] + sums[SUMS]}


def _with_sums(files: Mapping[str, bytes]) -> dict[str, bytes]:
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()]
    return {**files, SUMS: "".join(lines).encode()}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
        print(f"{folder.relative_to(ROOT)}/{name}: {len(content) // 1000} kB")  # noqa: T201 - a command


def main(*, keep: bool) -> None:
    """Check the commit, and write its release to build/. Raise NotReadyError and LicenceUnknownError."""
    release = release_of()
    check_commit(release)
    check_frozen(release.version)
    artefact_files = artefacts(release, ROOT / "build" / "sbom.json")
    write(ROOT / "build", artefact_files)
    if keep:
        write(ROOT / KEPT / release.version, kept(release, artefact_files))


if __name__ == "__main__":
    try:
        main(keep="--keep" in sys.argv[1:])
    except NotReadyError as error:
        sys.exit(f"Not released. {error}")
    except LicenceUnknownError as error:
        sys.exit(f"Not released. The licence is unknown of: {error}")
