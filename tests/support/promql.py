"""The part of Prometheus' query language that our rules and panels use: finds the metrics they read."""

import re
from collections.abc import Iterator
from itertools import pairwise

FUNCTIONS = frozenset(
    {"absent", "histogram_quantile", "increase", "max", "min", "rate", "scalar", "sum", "time", "vector"}
)
GROUPING = frozenset({"by", "group_left", "ignoring", "on", "without"})
OPERATORS = frozenset({"and", "or", "unless"})
_TOKEN = re.compile(
    r"\s*(?:(?P<name>[a-zA-Z_:][\w:]*)|(?P<number>\d+(?:\.\d+)?)|(?P<labels>\{[^{}]*\})|(?P<range>\[[^\[\]]+\])"
    r"|(?P<operator>==|!=|>=|<=|[-+*/<>,])|(?P<bracket>[()]))"
)
_MATCHER = re.compile(r'\s*([a-z_]+)\s*(?:=~|!~|!=|=)\s*"[^"]*"\s*(?:,|$)')
_RANGE = re.compile(r"\[(\d+[smhd]|\$__rate_interval)\]")


def tokenise(expression: str) -> list[tuple[str, str]]:
    """Return the tokens of an expression. Raises ValueError for an unknown token or unmatched brackets."""
    found, at, depth = [], 0, 0
    text = expression.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"{text[at:]!r} of {text!r}")
        kind = str(match.lastgroup)
        found.append((kind, match[kind]))
        depth += {"(": 1, ")": -1}.get(match[kind], 0)
        if depth < 0:
            raise ValueError(f"unmatched closing bracket: {text!r}")
        at = match.end()
    if depth:
        raise ValueError(f"missing closing bracket: {text!r}")
    return found


def metrics_read(expression: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every metric that an expression reads, with its label matchers. Raises ValueError for a syntax error."""
    found = [*tokenise(expression), ("end", "")]
    grouping = 0
    for (kind, text), (after, following) in pairwise(found):
        grouping = _grouped(grouping, text) if kind == "bracket" and grouping else grouping
        if kind == "range" and not _RANGE.fullmatch(text):
            raise ValueError(f"{text} is not a range")
        if kind != "name" or grouping or text in OPERATORS:
            continue
        if text in GROUPING:
            grouping = 1 if following == "(" else 0
        elif following == "(" or (following in GROUPING and text in FUNCTIONS):
            if text not in FUNCTIONS:
                raise ValueError(f"{text} is an unknown function")
        else:
            yield text, _labels(following) if after == "labels" else ()


def _grouped(grouping: int, bracket: str) -> int:
    """Return the depth of brackets within a list of labels; names in it are not metrics."""
    depth = grouping + (1 if bracket == "(" else -1)
    return 0 if depth == 1 else depth


def _labels(text: str) -> tuple[str, ...]:
    inner, names, at = text[1:-1].strip(), [], 0
    while at < len(inner):
        match = _MATCHER.match(inner, at)
        if match is None:
            raise ValueError(f"{text} has an invalid label matcher")
        names.append(match[1])
        at = match.end()
    return tuple(names)
