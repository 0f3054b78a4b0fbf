"""`doctor`: what is wrong with this machine or installation, and how to mend it."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from cli.doctor import api, database, machine, temporal
from cli.doctor.findings import Finding, Verdict
from cli.doctor.target import Target

_SIGNS = {Verdict.OK: "[green]ok  [/green]", Verdict.NOTE: "[yellow]note[/yellow]", Verdict.BAD: "[red]bad [/red]"}


def doctor(data: Path, *, as_json: bool = False) -> int:
    """Print what was looked at; return 1 when something must be mended, else 0."""
    found: list[Finding] = []
    console = Console(highlight=False)
    for each in _examined(Target.of(data)):
        found.append(each)
        if not as_json:
            _show(console, each)
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    return int(any(each.verdict is Verdict.BAD for each in found))


def _examined(patient: Target) -> Iterator[Finding]:
    yield from machine.look(patient)
    yield from database.look(patient)
    yield from asyncio.run(temporal.look(patient))
    yield from api.look(patient)


def _show(console: Console, finding: Finding) -> None:
    # Never wrapped: commands are there to be copied.
    console.print(f"{_SIGNS[finding.verdict]} {finding.what}", soft_wrap=True)
    if finding.mend:
        console.print(f"       → {finding.mend}", soft_wrap=True)
