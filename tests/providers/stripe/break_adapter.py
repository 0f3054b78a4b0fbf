"""Breaks the adapter of Stripe on purpose, one place after another, and checks that tests fail.

`python -m tests.providers.stripe.break_adapter [name…]`; the list is `mutations.toml`.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import ROOT

TIMEOUT_SECONDS = 300
_IGNORED = (".git", ".venv", ".*cache", "artifacts", ".changeover", "histories", "node_modules")


@dataclass(frozen=True)
class Mutation:
    """One change of one place in `providers/stripe`, and what selects the tests that must fail then."""

    name: str
    file: str
    source: str
    broken: str
    module: str
    selected: str


MUTATIONS = [
    Mutation(**each) for each in tomllib.loads(Path(__file__).with_name("mutations.toml").read_text())["mutations"]
]


def main(names: list[str]) -> int:
    """Break one place after another, or only the named ones; return 1 when no test failed for one of them."""
    unnoticed = 0
    for mutation in MUTATIONS:
        if names and mutation.name not in names:
            continue
        red = _failing_tests(mutation)
        unnoticed += not red
        print(f"{mutation.name}: {len(red)} red" if red else f"{mutation.name}: NOTHING TURNED RED", flush=True)  # noqa: T201 - a command
        for test in red[:3]:
            print(f"    {test}", flush=True)  # noqa: T201 - likewise
    return int(unnoticed > 0)


def _failing_tests(mutation: Mutation) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "broken"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*_IGNORED))
        path = copy / "providers" / "stripe" / mutation.file
        text = path.read_text()
        if text.count(mutation.source) != 1:
            raise LookupError(f"{mutation.file} does not contain the source of {mutation.name!r} once")
        path.write_text(text.replace(mutation.source, mutation.broken))
        folder_of_tests = "tests/providers/stripe"
        command = [sys.executable, "-m", "pytest", "-q", "-n0", "--tb=no", "--show-capture=no"]
        command += [f"{folder_of_tests}/{mutation.module}", "-k", mutation.selected]
        ended = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)  # noqa: S603 - our own command
    if "passed" not in ended.stdout and "failed" not in ended.stdout:
        raise RuntimeError(f"no test ran for {mutation.name!r}: {ended.stdout[-500:]}{ended.stderr[-500:]}")
    lines = ended.stdout.splitlines()
    return [line.removeprefix("FAILED ").split(" - ")[0] for line in lines if line.startswith("FAILED")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
