"""`doctor`: finds what is wrong with this machine or installation, and says how to fix it."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from cli.doctor import api, database, machine, payments, providers, temporal
from cli.doctor.findings import Finding, Verdict
from cli.doctor.target import Target

_SIGNS = {Verdict.OK: "[green]ok  [/green]", Verdict.NOTE: "[yellow]note[/yellow]", Verdict.BAD: "[red]bad [/red]"}


def doctor(data: Path, *, as_json: bool = False) -> int:
    """Print all findings; return 1 if something must be fixed, else 0."""
    findings: list[Finding] = []
    console = Console(highlight=False)
    for each in _examine(Target.of(data)):
        findings.append(each)
        if not as_json:
            _show(console, each)
    if as_json:
        print(json.dumps([asdict(each) for each in findings], indent=2))
    return int(any(each.verdict is Verdict.BAD for each in findings))


def _examine(target: Target) -> Iterator[Finding]:
    yield from machine.examine(target)
    yield from database.examine(target)
    yield from payments.examine(target)
    yield from providers.examine(target)
    yield from asyncio.run(temporal.examine(target))
    yield from api.examine(target)


def _show(console: Console, finding: Finding) -> None:
    # Never wrapped, so that commands can be copied.
    console.print(f"{_SIGNS[finding.verdict]} {finding.what}", soft_wrap=True)
    if finding.fix:
        console.print(f"       → {finding.fix}", soft_wrap=True)
