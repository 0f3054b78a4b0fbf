"""What Schemathesis cannot know: that a key is used once, and which bundles there are."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import schemathesis
from schemathesis import Case, HookContext

_BUNDLES = ("offer_bundle_id", "offerBundleId")
_keys = itertools.count(1)


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
    """Let what is right be a request of its own, every other time for something that is on sale."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    number = next(_keys)
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"fuzzed-{number}"
    if "If-Match" in case.headers:
        case.headers["If-Match"] = "*"  # else all is 412; and 4.32 writes 0 where a pattern begins with a quote
    if number % 2:
        for each in _objects(case.body):
            each.update({name: os.environ["BUNDLE"] for name in _BUNDLES if name in each})  # noqa: TID251 - told by the test that started us


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict):
        yield value
    for each in inside:
        yield from _objects(each)
