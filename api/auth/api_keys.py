"""API keys: a part that may be seen, and a secret of which only a keyed hash is kept."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

PREFIX = "cho"
"""Ours among other keys: whoever scans for keys that leaked looks for it."""
_ID_BYTES, _SECRET_BYTES = 5, 32
_KEY = re.compile(rf"{PREFIX}_([0-9a-f]{{{2 * _ID_BYTES}}})_[A-Za-z0-9_-]{{43}}", re.ASCII)


@dataclass(frozen=True)
class GeneratedKey:
    """A key just made: the only time its secret is there to be told."""

    id: str
    text: str


def new_key() -> GeneratedKey:
    """Return a key nobody has."""
    name = secrets.token_hex(_ID_BYTES)
    return GeneratedKey(name, f"{PREFIX}_{name}_{secrets.token_urlsafe(_SECRET_BYTES)}")


def key_id(text: str) -> str | None:
    """Return the part of a key that may be seen; None for what is no key."""
    found = _KEY.fullmatch(text)
    return found[1] if found else None


def hash_key(text: str, pepper: str) -> str:
    """Return the keyed hash of a key. The key itself is random enough to need no slow one."""
    return hmac.new(pepper.encode(), text.encode(), hashlib.sha256).hexdigest()


def verify(text: str, pepper: str, kept: str) -> bool:
    """Whether a key is the one a hash was kept of, in the same time for every wrong one."""
    return hmac.compare_digest(hash_key(text, pepper), kept)
