"""Runs our command line as a user types it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "cli"]


def run(
    *arguments: str, seconds: int = 120, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command until it ends, at most this many seconds."""
    inherited = {**os.environ, **(environment or {})}  # noqa: TID251 - a child inherits our environment
    return subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds, env=inherited
    )
