"""Our commands, as a newcomer types them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
US = [sys.executable, "-m", "cli"]


def run(*arguments: str, seconds: int = 120) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(  # noqa: S603 - our own command
        [*US, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds
    )
