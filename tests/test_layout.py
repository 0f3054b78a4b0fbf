"""The source tree follows its rules: layers, docstrings, no floats for money, determinism."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.break_rules import RULES, Rule
from tests.support.sources import parse

ROOT = Path(__file__).parents[1]
OURS = (
    "activities",
    "api",
    "bench",
    "cli",
    "domain",
    "providers",
    "runtime",
    "store",
    "telemetry",
    "temporal",
    "workflows",
)
SOURCES = [path for package in OURS for path in (ROOT / package).rglob("*.py") if "versions" not in path.parts]


def test_no_float_is_used_for_money() -> None:
    for package in ("domain", "store", "activities", "providers", "workflows"):
        for path in (ROOT / package).rglob("*.py"):
            if "versions" in path.parts or path.name == "connections.py":
                continue  # durations in seconds are not money
            names = {node.id for node in ast.walk(parse(path.read_text())) if isinstance(node, ast.Name)}
            values = [node.value for node in ast.walk(parse(path.read_text())) if isinstance(node, ast.Constant)]
            assert "float" not in names, path
            assert not [value for value in values if isinstance(value, float)], path


@pytest.mark.parametrize("package", ["domain", "activities", "workflows"])
def test_code_that_workflows_import_reads_no_clock_and_no_random_numbers(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        text = path.read_text()
        for banned in ("uuid4", "uuid1", "default_factory=", "import random", "import time\n", "os.environ", "getenv"):
            allowed = (
                banned == "default_factory=" and "default_factory=list" in text
            ) or "default_factory=dict" in text
            assert banned not in text or allowed, f"{banned} in {path}"


def test_every_module_has_a_docstring() -> None:
    assert SOURCES
    for path in SOURCES:
        assert ast.get_docstring(parse(path.read_text())), path


def test_imports_that_point_the_wrong_way_are_refused(tmp_path: Path) -> None:
    """`make check` shows that the contracts hold; this shows that a broken one is noticed."""
    files = [path.name for path in ROOT.glob("*.py")]
    for package in (*OURS, *files, "pyproject.toml"):
        (tmp_path / package).symlink_to(ROOT / package)
    (tmp_path / "domain").unlink()
    (tmp_path / "domain").mkdir()
    for path in (ROOT / "domain").glob("*.py"):
        (tmp_path / "domain" / path.name).write_text(path.read_text())
    (tmp_path / "domain" / "ages.py").write_text("import store.database.store\nimport temporalio.client\n")
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    assert done.returncode == 1
    assert "Imports point one way BROKEN" in done.stdout
    assert "The domain is plain Python and pydantic BROKEN" in done.stdout


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_source_that_break_rules_changes_exists(rule: Rule) -> None:
    assert (ROOT / rule.file).read_text().count(rule.source) == 1
