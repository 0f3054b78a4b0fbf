"""Reads our documentation pages: their links, commands and shell sessions."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SETTING = re.compile(r"^[A-Z_]+=\S+ ")


def pages() -> list[Path]:
    """Return every page of the repository: at its root, in docs/ and beside tests and measurements."""
    folders = [ROOT.glob("*.md"), *((ROOT / name).rglob("*.md") for name in ("docs", "tests", "bench"))]
    return sorted(page for folder in folders for page in folder)


def typed_session(page: Path, blocks: int | None = None) -> str:
    """Return the commands that a page has its reader type in one shell, from all `sh session` blocks or the first."""
    typed = [body for kind, body in _FENCE.findall(page.read_text()) if kind == "sh session"]
    return "\n".join(typed[:blocks])


def links(page: Path) -> Iterator[str]:
    """Yield the targets of a page's links and pictures within the repository."""
    prose = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text()))
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands_in(page: Path) -> Iterator[str]:
    """Yield each command that a page mentions: lines of its code blocks, and its inline code."""
    text = page.read_text()
    blocks = [line for _, body in _FENCE.findall(text) for line in body.splitlines()]
    for line in [*blocks, *re.findall(r"`([^`]+)`", _FENCE.sub("", text))]:
        bare = " ".join(line.split("#")[0].split())
        while _SETTING.match(bare):
            bare = _SETTING.sub("", bare)
        yield bare


def is_test(location: str) -> bool:
    """Whether a test exists at a location such as `api/test_money.py::test_the_latest_flag_wins`."""
    path, _, name = location.partition("::")
    file = ROOT / "tests" / path
    return (
        file.is_file() and re.search(rf"^(async )?def {re.escape(name)}\(", file.read_text(), re.MULTILINE) is not None
    )
