"""The version of Changeover."""

import tomllib
from pathlib import Path

_PROJECT = Path(__file__).parents[1] / "pyproject.toml"
"""The one place where the version stands; no package metadata is installed to read it from."""


def version() -> str:
    """Return the version of this release."""
    return str(tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"])
