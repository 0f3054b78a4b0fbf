"""The house's language: no private words in what a person reads, and none of the names that once stood for anything.

`python -m tests.test_language PATH...` lists what it finds in some files or folders.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source_archive import tracked
from tests.support.sources import parse

ROOT = Path(__file__).parents[1]
NAMES = frozenset(["made", "asked", "wanted", "told", "said", "heard", "mine", "owed"])
"""Identifiers that say nothing of the role: the noun, `request`, `expected` or `text` says it."""
WORDS = (
    "doors?|within reach|walls?|walled|twins?|strays?|leftovers?|sayings?|glances?|shelf|shelves|deeds?|buckets?|hops?"
    "|pace|telling|guarding|births|mends?|mended|mending|whoever|taken back|half done|for ever"
)
ALLOWED = re.compile(
    r"\bwall[- ](?:time|clock)s?\b|_bucket\b|\bbuckets=|^buckets$|^histogram bucket overrides$", re.IGNORECASE
)
"""Standard terms and names of others' that hold one of the words: Prometheus' histograms have buckets."""
PRIVATE = re.compile(rf"\b(?:{WORDS})\b", re.IGNORECASE)
SKIPPED = ("tests/histories/", "examples/discover/", "tests/test_language.py")
"""Recorded data, documents of others, and this list."""


def texts(*paths: str) -> list[Path]:
    """Return the files below some paths that people read."""
    files = [ROOT / name for name in tracked(*paths) if not name.startswith(SKIPPED)]
    return [path for path in files if path.suffix in (".py", ".md", ".html", ".sh", ".yml")]


def findings(path: Path) -> Iterator[str]:
    """Yield each name and word of a file that is not the house's, with its line."""
    text = path.read_text()
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    if PRIVATE.search(path.stem.replace("_", " ").replace("-", " ")):
        yield f"{name}: the file's name"
    passages = _python(text) if path.suffix == ".py" else enumerate(text.splitlines(), 1)
    for line, passage in passages:
        for word in PRIVATE.findall(ALLOWED.sub("", passage)):
            yield f"{name}:{line}: {word}"
    if path.suffix == ".py":
        for node in ast.walk(parse(text)):
            yield from (f"{name}:{node.lineno}: the name {each}" for each in _identifiers(node) if each in NAMES)  # type: ignore[attr-defined] # what has a name has a line


def _python(text: str) -> Iterator[tuple[int, str]]:
    """Yield what people read of a module: its comments and strings, and its identifiers as words."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            yield token.start[0], token.string
    for node in ast.walk(parse(text)):
        for name in _identifiers(node):
            yield getattr(node, "lineno", 1), name.replace("_", " ")


def _identifiers(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.alias(asname=str(name)) | ast.MatchAs(name=str(name)):
            yield name


@pytest.mark.parametrize("path", texts("."), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_people_read_is_in_the_field_s_own_words(path: Path) -> None:
    assert list(findings(path)) == []


SAMPLES = {
    "sample.py": ("def find(asked: str) -> None:\n    pass\n", "the name asked"),
    "attribute.py": ("import os\n\nos.told = 1\n", "the name told"),
    "comment.py": ("# whoever asks twice\nx = 1\n", "whoever"),
    "docstring.py": ('"""What was taken back."""\n', "taken back"),
    "wording.py": ("def open_door() -> None:\n    pass\n", "door"),
    "page.md": ("It is kept for ever.\n", "for ever"),
    "stray_rows.py": ("x = 1\n", "the file's name"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_private_word_is_found(name: str, tmp_path: Path) -> None:
    text, expected = SAMPLES[name]
    (tmp_path / name).write_text(text)
    assert [each for each in findings(tmp_path / name) if each.endswith(expected)]


def test_terms_of_the_field_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("Wall time, a wall clock, `request_seconds_bucket`, buckets=(1, 2).\n")
    assert list(findings(tmp_path / "page.md")) == []


if __name__ == "__main__":
    for each in (line for path in texts(*sys.argv[1:]) for line in findings(path)):
        print(each)  # noqa: T201 - a command
