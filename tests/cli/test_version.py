"""The command line prints the version of the project."""

import tomllib

from typer.testing import CliRunner

from cli.__main__ import app
from tests.support.commands import ROOT


def test_the_command_line_prints_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"changeover {project['version']}\n")
