"""What pages and docstrings refer to exists: links, commands, files and folders."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.__main__ import app
from temporal.names import StepName
from tests.support.docs_pages import ROOT, anchors, commands_in, links, pages
from tests.support.source_archive import tracked
from tests.support.sources import parse

PAGES = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
TREE = {path for file in tracked(".") for path in (Path(file), *Path(file).parents)}
MODULES = sorted(ROOT / path for path in TREE if path.suffix == ".py")
_CODE = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"(?<![\w/.<{*-])((?:[\w.-]+/)*[\w-]+\.py)(?![\w/*])")
_FOLDER = re.compile(r"^(?:[\w.-]+/)+$")
_READERS = {"my_bank.py", "test_my_bank.py"}
"""Files that a reader of the tutorial writes."""
_NO_FOLDERS = {"order/", ".changeover/", "deploy/secrets/", "secrets/"}
"""The prefix of a workflow's id, and folders that an installation creates."""


@PAGES
def test_links_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


@PAGES
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    mentioned = {words[1] for line in commands_in(page) if (words := line.split())[:1] == ["make"] and len(words) > 1}
    assert mentioned <= targets


@PAGES
def test_commands_and_their_options_exist(page: Path) -> None:
    unknown = []
    for line in commands_in(page):
        words = line.split()
        if words[:1] in (["changeover"], ["./changeover"]) and not _exists(words[1:]):
            unknown.append(line)
    assert not unknown


@PAGES
def test_files_and_folders_that_a_page_names_exist(page: Path) -> None:
    assert not [name for name in named_on(page.read_text()) if not _is_there(name, page)]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_a_docstring_names_exist(module: Path) -> None:
    assert not [name for name in named_in(module.read_text()) if not _is_there(name, module)]


def named_on(text: str) -> Iterator[str]:
    """Return the Python files and the folders among the words that a page sets as code."""
    for code in _CODE.findall(text):
        yield from _FILE.findall(code)
        if _FOLDER.match(code):
            yield code


def named_in(text: str) -> Iterator[str]:
    """Return the Python files that docstrings name, those of attributes included, and folders set as code."""
    for node in ast.walk(parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(docstring))):
                yield from _FILE.findall(docstring)
                yield from (code for code in _CODE.findall(docstring) if _FOLDER.match(code))


def _is_there(name: str, where: Path) -> bool:
    """Whether a file or folder is in the tree: from its root, from tests/, or beside what names it."""
    if name in _READERS | _NO_FOLDERS:
        return True
    parents = where.relative_to(ROOT).parents
    return any(base / name in TREE for base in (Path("tests"), *parents))


def _exists(words: list[str]) -> bool:
    """Whether words lead to a command of ours that has the options among them."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return False
        command, words = command.commands[words[0]], words[1:]
    known = {option for each in command.params for option in each.opts} | {"--help"}
    return all(word.partition("=")[0] in known for word in words if word.startswith("--"))


def test_an_unknown_command_or_option_is_noticed() -> None:
    assert _exists(["demo", "--fail", StepName.RESERVE_SEATS])
    assert _exists(["attention", "retry", "26-100000", "--reason=it"])
    assert not _exists(["demonstrate"])
    assert not _exists(["demo", "--gently"])


def test_a_file_or_folder_that_was_moved_is_noticed() -> None:
    page, module = ROOT / "docs" / "page.md", ROOT / "store" / "webhooks" / "outbox.py"
    text = "`store/invariants.py`, `store/laws.py`, `guarantees/test_steps.py::test_x`, `domain/`, `tests/laws/`"
    assert [name for name in named_on(text) if not _is_there(name, page)] == ["store/laws.py", "tests/laws/"]
    docstrings = '"""See webhooks.py and store/clients.py; not access.py."""\nLIMIT = 1\n"""As in `store/heads/`."""\n'
    assert [name for name in named_in(docstrings) if not _is_there(name, module)] == ["access.py", "store/heads/"]
