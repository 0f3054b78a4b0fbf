"""Form-encoded parameters, `a[b]=c` nested and `a[]=c` or `a[0]=c` listed, and how endpoints read them."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.stripe.emulator.errors import invalid

_NAMES = re.compile(r"[^\[\]]+|\[\]")
MAX_KEYS, MAX_NAME, MAX_VALUE = 50, 40, 500
"""Limits of metadata: https://docs.stripe.com/metadata."""


def decode(text: str) -> dict[str, Any]:
    """Return the parameters of a form or a query."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        *outer, last = _NAMES.findall(name)
        into = root
        for each in outer:
            into = into.setdefault(each, {})
        into[last if last != "[]" else str(len(into))] = value
    return root


@dataclass
class Params:
    """Parameters of one request."""

    values: dict[str, Any] = field(default_factory=dict)

    def check_names(self, allowed: frozenset[str]) -> None:
        """Raise `parameter_unknown` for a parameter that the endpoint does not know."""
        for name in self.values.keys() - allowed - {"expand"}:
            raise invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")

    def text(self, name: str) -> str | None:
        """Return a text; an empty one counts as absent."""
        value = self.values.get(name)
        if isinstance(value, dict):
            raise invalid("Invalid string", name, "parameter_invalid_string")
        return value or None

    def required(self, name: str) -> str:
        """Return a text that must be there, or raise `parameter_missing`."""
        value = self.text(name)
        if value is None:
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
        return value

    def integer(self, name: str) -> int | None:
        """Return a positive integer, or raise `parameter_invalid_integer`."""
        value = self.text(name)
        if value is not None and not re.fullmatch(r"[1-9][0-9]*", value):
            raise invalid(f"Invalid positive integer: {value}", name, "parameter_invalid_integer")
        return None if value is None else int(value)

    def flag(self, name: str, default: bool = False) -> bool:  # noqa: FBT001, FBT002 - a parameter's default
        """Return a Boolean."""
        value = self.text(name)
        if value not in (None, "true", "false"):
            raise invalid(f"Invalid boolean: {value}", name)
        return default if value is None else value == "true"

    def nested(self, name: str) -> "Params":
        """Return the parameters below a name."""
        value = self.values.get(name)
        return Params(value if isinstance(value, dict) else {})

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        value = self.values.get(name) or {}
        return list(value.values()) if isinstance(value, dict) else [value]

    def metadata(self, before: dict[str, str]) -> dict[str, str]:
        """Return metadata merged with what was there: an empty value unsets its key, empty metadata unsets all."""
        changes = self.values.get("metadata")
        if changes is None:
            return before
        if not isinstance(changes, dict):
            return {}
        merged = {name: value for name, value in (before | changes).items() if value != ""}
        if len(merged) > MAX_KEYS:
            raise invalid(f"Metadata can hold up to {MAX_KEYS} keys.", "metadata")
        for name, value in merged.items():
            if len(name) > MAX_NAME or len(value) > MAX_VALUE:
                raise invalid("Metadata keys hold up to 40 characters, values up to 500.", f"metadata[{name}]")
        return merged
