"""Our own log calls have fixed messages and known members: no text of a client gets into a message."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.logs import MEMBERS
from tests.support.commands import ROOT
from tests.support.sources import parse

OURS = ("activities", "api", "cli", "domain", "providers", "runtime", "store", "telemetry", "temporal", "workflows")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def calls(file: Path) -> Iterator[ast.Call]:
    for node in ast.walk(parse(file.read_text())):
        func = node.func if isinstance(node, ast.Call) else None
        if isinstance(func, ast.Attribute) and func.attr in LEVELS and ast.unparse(func.value) in {"log", "logger"}:
            assert isinstance(node, ast.Call)
            yield node


def unsafe(call: ast.Call) -> Iterator[str]:
    """Yield the parts of a call that may contain text which is not fixed."""
    message, *arguments = call.args
    if not isinstance(message, ast.Constant | ast.Subscript):
        yield ast.unparse(message)
    yield from (text for each in arguments if (text := ast.unparse(each)) != "type(error).__name__")
    for extra in (each.value for each in call.keywords if each.arg == "extra"):
        names = [ast.literal_eval(key) for key in extra.keys if key] if isinstance(extra, ast.Dict) else []
        yield from (name for name in names if name not in MEMBERS)


def test_messages_are_fixed_and_members_are_known() -> None:
    files = [*ROOT.glob("*.py"), *(file for part in OURS for file in (ROOT / part).rglob("*.py"))]
    logged = [(file, call) for file in files for call in calls(file)]
    assert len(logged) > 10
    assert [f"{file.name}:{call.lineno} {text}" for file, call in logged for text in unsafe(call)] == []


@pytest.mark.parametrize(
    "wrong",
    ["log.info(f'sold to {name}')", "log.info('sold to %s', name)", "log.info('sold', extra={'traveller': name})"],
)
def test_an_unsafe_log_call_is_found(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(wrong)
    (call,) = calls(file)
    assert len(list(unsafe(call))) == 1
