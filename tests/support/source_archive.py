"""Makes and opens archives of the sources: the same files give the same bytes, on every machine and at every time."""

import gzip
import io
import os
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def is_checkout(root: Path = ROOT) -> bool:
    """Whether a folder is a git checkout of its own; sources that were unpacked from a release are none."""
    return (root / ".git").exists()


def git(*words: str, root: Path = ROOT, given: str = "", **environment: str) -> str:
    """Return what a git command prints. Raise CalledProcessError if it fails."""
    return _git(words, root, given, environment).decode()


def _git(words: Sequence[str], root: Path, given: str = "", environment: Mapping[str, str] | None = None) -> bytes:
    inherited = {**os.environ, **(environment or {})}  # noqa: TID251 - a child inherits our environment
    options: dict[str, Any] = {"cwd": root, "env": inherited, "input": given.encode(), "capture_output": True}
    done: bytes = subprocess.run(["git", *words], check=True, **options).stdout  # noqa: S603, S607 - our own words
    return done


def work_tree(repository: Path, root: Path = ROOT) -> str:
    """Return the git tree of our own files as they are now, committed or not, in a new repository for it alone."""
    git("init", "--quiet", "--bare", str(repository))
    own = {"GIT_DIR": str(repository), "GIT_WORK_TREE": str(root)}
    git("update-index", "--add", "--stdin", given="\n".join(tracked(".", root=root)), root=root, **own)
    return git("write-tree", root=root, **own).strip()


def archive(tree: str, folder: str, day: date, *paths: str, repository: Path = ROOT) -> bytes:
    """Return a tar.gz of a tree, or of some of its paths, below a folder; every file is as old as a day."""
    plain = _git(["archive", "--format=tar", f"--prefix={folder}/", f"{tree}^{{tree}}", "--", *paths], repository)
    written = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", 9, written, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as target,
        tarfile.open(fileobj=io.BytesIO(plain)) as source,
    ):
        for member in source:
            target.addfile(_anonymous(member, day), source.extractfile(member) if member.isfile() else None)
    return written.getvalue()


def _anonymous(member: tarfile.TarInfo, day: date) -> tarfile.TarInfo:
    """Return the entry of a file without a trace of the machine that packs it."""
    plain = tarfile.TarInfo(member.name)
    plain.type, plain.size, plain.linkname = member.type, member.size, member.linkname
    plain.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    plain.mtime = int(datetime.combine(day, time(), UTC).timestamp())
    return plain


def unpack(packed: bytes, folder: Path) -> Path:
    """Unpack an archive into a folder and return the one folder that it holds."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as source:
        source.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    return unpacked


def files_in(packed: Path) -> dict[str, bytes]:
    """Return the contents of an archive's files by their paths below its folder."""
    with tarfile.open(packed) as source:
        return {each.name.partition("/")[2]: _content(source, each) for each in source if each.isfile()}


def _content(source: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = source.extractfile(member)
    assert file is not None
    return file.read()


def tracked(*paths: str, root: Path = ROOT) -> Sequence[str]:
    """Return the paths of our own files below some paths; in a release, of all that were unpacked.

    They are what git knows, or will once it is added; what it ignores is not ours.
    """
    if is_checkout(root):
        listed = git("ls-files", "--cached", "--others", "--exclude-standard", "--", *paths, root=root)
        return sorted(name for name in set(listed.splitlines()) if (root / name).is_file())
    found = {path for name in paths for path in (root / name, *(root / name).rglob("*")) if path.is_file()}
    return sorted(str(path.relative_to(root)) for path in found if not _ignored(path.relative_to(root)))


def _ignored(path: Path) -> bool:
    """Whether a path is what an installation or a tool adds to the sources, as .gitignore lists it."""
    top = path.parts[0]
    return "__pycache__" in path.parts or top in {"build", "artifacts"} or (top.startswith(".") and top not in _HIDDEN)


_HIDDEN = {".ci", ".gitignore", ".gitattributes"}
