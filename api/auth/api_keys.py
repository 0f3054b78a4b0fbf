"""API keys: a public id and a secret, of which the store keeps only a keyed hash."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

PREFIX = "cho"
"""Identifies our keys; secret scanners find leaked keys by it."""
_ID_BYTES, _SECRET_BYTES = 5, 32
_KEY = re.compile(rf"{PREFIX}_([0-9a-f]{{{2 * _ID_BYTES}}})_[A-Za-z0-9_-]{{43}}", re.ASCII)


@dataclass(frozen=True)
class GeneratedKey:
    """A newly generated key. Its secret exists only here and cannot be shown again."""

    id: str
    text: str


def new_key() -> GeneratedKey:
    """Generate a random key."""
    name = secrets.token_hex(_ID_BYTES)
    return GeneratedKey(name, f"{PREFIX}_{name}_{secrets.token_urlsafe(_SECRET_BYTES)}")


def key_id(text: str) -> str | None:
    """Return the public id of a key; None if the text is not an API key."""
    match = _KEY.fullmatch(text)
    return match[1] if match else None


def hash_key(text: str, pepper: str) -> str:
    """Return the keyed hash (HMAC-SHA256) of a key. A key has 256 random bits, so it needs no slow hash."""
    return hmac.new(pepper.encode(), text.encode(), hashlib.sha256).hexdigest()


def verify(text: str, pepper: str, stored_hash: str) -> bool:
    """Whether a key matches a stored hash; the comparison takes constant time."""
    return hmac.compare_digest(hash_key(text, pepper), stored_hash)
