"""Says in words what a problem is about: the line, product, service, amount or member that its errors name."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_SHOWN = 5
"""The most errors that a problem's detail describes; its member `errors` has them all."""
_NOUNS = {"offer_bundle": "offer bundle", "latest": "at the latest", "ended": "draft", "field": ""}


def detail_of(errors: Sequence[Mapping[str, Any]]) -> str | None:
    """Return one sentence for each error, or None for a problem without errors."""
    sentences = list(dict.fromkeys(filter(None, map(about, errors))))
    more = len(sentences) - MAX_SHOWN
    shown = [f"{each[0].upper()}{each[1:]}." for each in sentences[:MAX_SHOWN]]
    return " ".join([*shown, *([f"And {more} more."] if more > 0 else [])]) or None


def about(error: Mapping[str, Any]) -> str:
    """Return what one error is about, without a full stop."""
    named = ", ".join(_named(error))
    place, detail = error.get("pointer") or named, error.get("detail")
    if place and detail:
        return f"{place}: {detail}"
    return str(detail or place or "")


def _named(error: Mapping[str, Any]) -> Iterable[str]:
    # What `detail` says is not said twice.
    unnamed = {"pointer", "code", "detail", "operations", "currency"} | ({"member"} if "detail" in error else set())
    for name, value in error.items():
        if name in unnamed or value is None:
            continue
        if name == "amount":
            yield f"{value} {error.get('currency') or ''}".strip()
        elif name == "traveller":
            yield f"traveller {int(value) + 1}"
        else:
            yield f"{_NOUNS.get(name, name)} {value}".strip()
