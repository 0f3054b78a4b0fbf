"""After a release: what it has named, stored or recorded is still there, unchanged; only additions are allowed."""

import hashlib
import json
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from store.database.migrate import config
from tests.support.kept_releases import KeptRelease, kept_releases
from tests.support.pins import ORDERED, PINS, lost
from tests.support.source_archive import ROOT, is_checkout

MIGRATIONS = "store/migrations/versions/"
EACH = pytest.mark.parametrize("release", kept_releases(), ids=lambda release: release.version)


@pytest.mark.skipif(not is_checkout(), reason="these sources are a release, which contains no releases")
def test_the_last_release_is_kept() -> None:
    assert kept_releases()


@EACH
@pytest.mark.parametrize("pins", PINS)
def test_no_name_of_a_release_disappears_or_changes(release: KeptRelease, pins: str) -> None:
    released = release.files(pins).get(pins, b"{}")  # empty: a list that is younger than the release
    assert list(lost(json.loads(released), json.loads((ROOT / pins).read_text()), ordered=pins in ORDERED)) == []


@EACH
def test_every_history_of_a_release_is_still_replayed_as_it_was_recorded(release: KeptRelease) -> None:
    """`tests/workflows/test_histories.py` replays whatever is in the folder."""
    assert changed(release, "tests/histories/") == []


@EACH
def test_no_migration_of_a_release_changes(release: KeptRelease) -> None:
    assert changed(release, MIGRATIONS) == []


@EACH
def test_a_database_of_a_release_is_migrated_from_where_it_is(release: KeptRelease, tmp_path: Path) -> None:
    released = ScriptDirectory(str(release.unpack(tmp_path).root / "store" / "migrations")).get_heads()
    present = ScriptDirectory.from_config(config("sqlite://"))
    assert len(present.get_heads()) == 1
    assert set(released) <= {each.revision for each in present.iterate_revisions("head", "base")}


@EACH
def test_a_release_is_kept_as_its_sums_say(release: KeptRelease) -> None:
    lines = (release.folder / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    for path in release.folder.iterdir():
        if path.name != "SHA256SUMS":
            assert sums[path.name] == hashlib.sha256(path.read_bytes()).hexdigest(), path.name
    assert f"changeover-{release.version}.tar.gz" in sums


def changed(release: KeptRelease, below: str) -> list[str]:
    """Return the files of a release below a path that are not here any more, or have other contents."""
    files = release.files(below)
    assert files
    return [
        name for name, content in files.items() if not (ROOT / name).is_file() or (ROOT / name).read_bytes() != content
    ]
