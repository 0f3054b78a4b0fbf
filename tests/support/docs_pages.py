"""What our pages say: links, commands to type, and sessions to type whole."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SETTING = re.compile(r"^[A-Z_]+=\S+ ")


def pages() -> list[Path]:
    """Return the README and everything in docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def typed_session(page: Path, blocks: int | None = None) -> str:
    """Return what a page has its reader type in one shell: every block, or the first ones."""
    typed = [body for kind, body in _FENCE.findall(page.read_text()) if kind == "sh session"]
    return "\n".join(typed[:blocks])


def links(page: Path) -> Iterator[str]:
    """Return the targets of a page's links and pictures within the repository."""
    prose = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text()))
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands_in(page: Path) -> Iterator[str]:
    """Return each command a page mentions: lines of its blocks, and words set as code."""
    text = page.read_text()
    blocks = [line for _, body in _FENCE.findall(text) for line in body.splitlines()]
    for line in [*blocks, *re.findall(r"`([^`]+)`", _FENCE.sub("", text))]:
        bare = " ".join(line.split("#")[0].split())
        while _SETTING.match(bare):
            bare = _SETTING.sub("", bare)
        yield bare


def is_test(place: str) -> bool:
    """Whether there is a test at a place such as `api/test_money.py::test_the_latest_flag_wins`."""
    path, _, name = place.partition("::")
    file = ROOT / "tests" / path
    return (
        file.is_file() and re.search(rf"^(async )?def {re.escape(name)}\(", file.read_text(), re.MULTILINE) is not None
    )
