"""Hooks for what Schemathesis cannot know: unique idempotency keys, and existing offer bundles."""

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
    """Give each valid request an idempotency key of its own, and every other one an existing bundle."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    number = next(_keys)
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"fuzzed-{number}"
    if "If-Match" in case.headers:
        case.headers["If-Match"] = (
            "*"  # otherwise every response is 412; Schemathesis 4.32 writes 0 where a pattern begins with a quote
        )
    if number % 2:
        for each in _objects(case.body):
            each.update({name: os.environ["BUNDLE"] for name in _BUNDLES if name in each})  # noqa: TID251 - set by the test that starts Schemathesis


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict):
        yield value
    for each in children:
        yield from _objects(each)
