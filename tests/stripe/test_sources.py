"""Every rule of the emulator names its source: a page, another project's thread, our own need, or memory."""

import ast
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
SOURCE = re.compile(r"^(Source: https://\S|From memory: |Ours: )")
RULES = {
    node.name: ast.get_docstring(node) or ""
    for path in sorted(FOLDER.glob("test_*.py"))
    if path != Path(__file__)
    for node in ast.parse(path.read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_names_its_source(rule: str) -> None:
    assert SOURCE.match(RULES[rule])


def test_the_page_lists_each_rule_that_is_from_memory() -> None:
    """They are what the first run with test keys has to look at."""
    listed = set(re.findall(r"`(test_\w+)`", (FOLDER / "README.md").read_text()))
    assert listed == {name for name, text in RULES.items() if "rom memory" in text}
