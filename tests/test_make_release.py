"""A release is the same every time it is made, and is not made of what is not ready."""

import hashlib
from datetime import date
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

import pytest

from tests.make_release import SUMS, NotReadyError, Release, artefacts, check_commit, kept, release_of
from tests.support.licences import LicenceUnknownError, third_party_licences
from tests.support.source_archive import ROOT, files_in, git, is_checkout, work_tree

DAY = "2027-03-01"
CHANGELOG = (
    f"# Changelog\n\n## Unreleased\n\n## 1.2.0 - {DAY}\n\n- It is blue.\n\n## 1.1.0 - 2027-01-01\n\n- It is red.\n"
)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A checkout of sources that are ready to be released."""
    root = tmp_path / "sources"
    root.mkdir()
    (root / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (root / "requirements.lock").write_text("pydantic==1\n")
    (root / "CHANGELOG.md").write_text(CHANGELOG)
    git("init", "--quiet", root=root)
    commit(root)
    return root


def commit(root: Path) -> None:
    git("add", "--all", root=root)
    git("-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "--quiet", "-m", "m", root=root)


def test_sources_that_are_ready_are_released_under_their_version_and_day(sources: Path) -> None:
    release = release_of(sources)
    check_commit(release)
    assert (release.name, release.day) == ("changeover-1.2.0", date.fromisoformat(DAY))


@pytest.mark.parametrize(
    ("text", "replacement", "why"),
    [
        pytest.param(f"1.2.0 - {DAY}", "1.2.0 (unreleased)", "no section '## 1.2.0", id="no date"),
        pytest.param("- It is blue.\n", "", "no section '## 1.2.0", id="nothing that has changed"),
        pytest.param("## Unreleased\n", "## Unreleased\n\n- It is green.\n", "under Unreleased", id="not all changes"),
    ],
)
def test_a_changelog_that_is_not_complete_is_not_released(sources: Path, text: str, replacement: str, why: str) -> None:
    (sources / "CHANGELOG.md").write_text(CHANGELOG.replace(text, replacement))
    with pytest.raises(NotReadyError, match=why):
        release_of(sources)


@pytest.mark.parametrize("file", ["CHANGELOG.md", "new.txt"])
def test_a_file_that_is_not_committed_is_not_released(sources: Path, file: str) -> None:
    (sources / file).write_text(f"{CHANGELOG}\n")
    with pytest.raises(NotReadyError, match=file):
        check_commit(release_of(sources))


def test_a_version_is_not_released_twice_with_other_contents(sources: Path) -> None:
    git("tag", "v1.2.0", root=sources)
    (sources / "tests" / "releases").mkdir(parents=True)
    (sources / ".gitattributes").write_bytes((ROOT / ".gitattributes").read_bytes())
    commit(sources)
    git("tag", "--force", "v1.2.0", root=sources)
    (sources / "tests" / "releases" / "kept").write_text("")
    commit(sources)
    check_commit(release_of(sources))
    (sources / "more.txt").write_text("")
    commit(sources)
    with pytest.raises(NotReadyError, match=r"v1\.2\.0 has other contents"):
        check_commit(release_of(sources))


def test_sources_outside_of_git_are_not_released(sources: Path) -> None:
    (sources / ".git").rename(sources / "git")
    with pytest.raises(NotReadyError, match="git checkout"):
        check_commit(release_of(sources))


@pytest.mark.skipif(not is_checkout(), reason="a release is made in a git checkout")
def test_our_release_has_the_same_bytes_each_time_and_what_is_kept_of_it_is_part_of_it(tmp_path: Path) -> None:
    tree = work_tree(tmp_path / "tree.git")
    release = Release("1.2.0", date.fromisoformat(DAY), tree, tmp_path / "tree.git")
    packed = release.archive()
    assert release.archive() == packed
    (tmp_path / "archive.tar.gz").write_bytes(packed)
    contents = files_in(tmp_path / "archive.tar.gz")
    assert {"changeover", "README.md", "LICENSE", "requirements.lock", "tests/conftest.py"} <= set(contents)
    assert [name for name in contents if name.startswith("tests/releases/")] == []
    assert [name for name, content in contents.items() if str(ROOT).encode() in content] == []


def test_the_sums_are_those_of_all_files(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.make_release.RUNTIME", ("pyproject.toml",))
    monkeypatch.setattr("tests.make_release.third_party_licences", str)
    release = release_of(sources)
    written = artefacts(release, sources / "requirements.lock")
    files = kept(release, written)
    sums = files[SUMS].decode()
    assert sums.startswith(written[SUMS].decode())
    for name, content in [*written.items(), *files.items()]:
        assert name == SUMS or f"{hashlib.sha256(content).hexdigest()}  {name}\n" in sums
    assert set(written) == {f"changeover-1.2.0{end}" for end in (".tar.gz", "-sbom.json", "-licences.txt")} | {SUMS}
    assert set(files) == {"changeover-1.2.0-runtime.tar.gz", "requirements.lock", SUMS}


class Package(Distribution):
    """A package that is installed, with some metadata and the text of a licence."""

    def __init__(self, version: str, stated: str) -> None:
        self._texts = {"METADATA": f"Name: parcel\nVersion: {version}\n{stated}", "LICENSE": "Do as you like."}
        self._texts["RECORD"] = "parcel.dist-info/LICENSE,,\nparcel.dist-info/METADATA,,\n"

    def read_text(self, filename: str) -> str | None:
        return self._texts.get(filename)

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


LOCK = "# resolved\nparcel==1.0 \\\n    --hash=sha256:0\nother==2.0 ; sys_platform == 'none' \\\n    --hash=sha256:1\n"


@pytest.mark.parametrize(
    ("stated", "licence"),
    [
        ("License-Expression: MIT\n", "MIT"),
        ("Classifier: License :: OSI Approved :: MIT License\n", "MIT License"),
        ("License: BSD\n", "BSD"),
    ],
)
def test_each_locked_package_is_listed_with_its_licence_and_its_text(stated: str, licence: str) -> None:
    listed = third_party_licences(LOCK, lambda _name: Package("1.0", stated))
    assert f"parcel 1.0: {licence}\n" in listed
    assert "Do as you like." in listed
    assert '  other==2.0; sys_platform == "none"\n' in listed


def missing(name: str) -> Distribution:
    raise PackageNotFoundError(name)


@pytest.mark.parametrize(
    "find",
    [
        pytest.param(lambda _name: Package("1.0", ""), id="no licence stated"),
        pytest.param(lambda _name: Package("1.1", "License: BSD\n"), id="another version than is locked"),
        pytest.param(missing, id="not installed"),
    ],
)
def test_a_package_whose_licence_is_not_known_ends_the_release(find: object) -> None:
    with pytest.raises(LicenceUnknownError, match=r"parcel==1\.0"):
        third_party_licences(LOCK, find)  # type: ignore[arg-type] # three kinds of function
