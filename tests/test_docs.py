"""Pages say what is so: every link leads somewhere, every command is one of ours."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.__main__ import app
from temporal.names import StepName
from tests.support.docs_pages import ROOT, anchors, links, pages, commands_in

PAGES = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))


@PAGES
def test_links_lead_to_files_and_headings(page: Path) -> None:
    astray = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            astray.append(target)
    assert not astray


@PAGES
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
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


def _exists(words: list[str]) -> bool:
    """Whether words lead to a command of ours that has the options among them."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return False
        command, words = command.commands[words[0]], words[1:]
    known = {option for each in command.params for option in each.opts} | {"--help"}
    return all(word.partition("=")[0] in known for word in words if word.startswith("--"))


def test_a_command_or_option_nobody_has_is_seen() -> None:
    assert _exists(["demo", "--fail", StepName.RESERVE_SEATS])
    assert _exists(["attention", "retry", "26-100000", "--reason=it"])
    assert not _exists(["demonstrate"])
    assert not _exists(["demo", "--gently"])
