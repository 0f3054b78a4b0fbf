"""Writes docs/settings.md, the table of all settings: `python -m cli.settings_table`."""

import ast
import inspect
import json
import types
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from domain.taxes import TaxRounding
from runtime.settings import Settings
from telemetry.logs import LogFormat

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
API, WORKER, COMMANDS = "API", "worker", "commands"
READERS: dict[str, tuple[str, ...]] = {
    "database": (API, WORKER, COMMANDS),
    "temporal_address": (API, WORKER, COMMANDS),
    "production": (API, WORKER),
    "api_host": (API, COMMANDS),
    "api_port": (API, COMMANDS),
    "api": (COMMANDS,),
    "key": (COMMANDS,),
    "tenant": (API, COMMANDS),
    "key_pepper": (API, WORKER, COMMANDS),
    "token_issuer": (API, WORKER),
    "single_person_limits": (WORKER,),
    "seats": (API, WORKER, COMMANDS),
    "offers": (API, WORKER, COMMANDS),
    "lookup_timeout": (API, WORKER),
    "lookups_at_once": (API, WORKER),
    "payments": (API, WORKER, COMMANDS),
    "retention": (COMMANDS,),
    "draft_life": (WORKER,),
    "hold_margin": (WORKER,),
    "seats_held_per_order": (WORKER,),
    "seats_held_per_client": (WORKER,),
    "reseat": (API, WORKER),
    "reconcile_every": (WORKER,),
    "webhooks_allow_private": (API, WORKER),
    "webhooks_poll_interval": (WORKER,),
    "webhooks_at_once": (WORKER,),
    "shutdown_seconds": (API, WORKER),
    "heartbeat": (WORKER,),
    "build": (WORKER,),
    "log_format": (API, WORKER, COMMANDS),
    "metrics_host": (API, WORKER),
    "worker_metrics_port": (WORKER,),
    "tracing": (API, WORKER),
    "threads": (WORKER,),
    "cached_drafts": (WORKER,),
    "sandboxed": (WORKER,),
    "drafts_at_once": (WORKER,),
}
"""The processes that read a setting; a setting that is not listed is read by the API alone."""
_TYPES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    timedelta: "duration",
    Path: "path",
    SecretStr: "secret text",
    LogFormat: "`json` or `console`",
    TaxRounding: "`line` or `rate`",
}
_INTRODUCTION = """# Settings

Settings are environment variables. In a container a secret file works too: `/run/secrets/changeover_database` sets
`CHANGEOVER_DATABASE`, unless the environment does. Durations are in ISO 8601 (`PT20M`, `P730D`); lists and objects are
in JSON; booleans are `true` or `false`. "Read by" names the processes that need a setting: the API, the worker, or the
other [commands](commands.md).

Temporal's address, namespace and TLS may also come from a Temporal profile (`TEMPORAL_PROFILE`, `TEMPORAL_ADDRESS`,
`TEMPORAL_NAMESPACE`). The example providers have settings of their own ([tutorial](tutorial.md)).

`python -m cli.settings_table` writes this page from `runtime/settings.py`.

| Setting | Type | Default | Read by | Meaning |
|---|---|---|---|---|
"""


def render() -> str:
    """Return the text of the page."""
    return _INTRODUCTION + "".join(_rows())


def meanings() -> dict[str, str]:
    """Return the docstring of each field of Settings, on one line. A field without a docstring is missing."""
    (definition,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101 - the source of a class
    texts: dict[str, str] = {}
    for field, following in zip(definition.body, definition.body[1:], strict=False):
        match field, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                texts[name] = " ".join(text.split())
    return texts


def _rows() -> Iterator[str]:
    texts = meanings()
    for name, field in Settings.model_fields.items():
        readers = ", ".join(READERS.get(name, (API,)))
        cells = (f"`CHANGEOVER_{name.upper()}`", _type(field), _default(field), readers, texts.get(name, ""))
        yield f"| {' | '.join(each.replace('|', chr(92) + '|') for each in cells)} |\n"


def _type(field: FieldInfo) -> str:
    """Return the type of a field in words, with its lower bound."""
    limits = [f"at least {each.ge}" for each in field.metadata if hasattr(each, "ge")]
    limits += ["above 0" for each in field.metadata if hasattr(each, "gt")]
    return ", ".join([_type_name(field.annotation), *limits])


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = [each for each in get_args(annotation) if each is not types.NoneType]
    if get_origin(annotation) is tuple:
        return "list"
    if get_origin(annotation) is dict:
        return "object"
    return _TYPES[annotation]


def _default(field: FieldInfo) -> str:
    """Return the default of a field as one writes it in the environment."""
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    if value is None:
        return "unset"
    if value == "":
        return "empty"
    written = TypeAdapter(Any).dump_python(value, mode="json")
    return f"`{written if isinstance(written, str) else json.dumps(written)}`"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
