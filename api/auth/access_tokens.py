"""Access tokens (JWT, RFC 9068) of an identity provider: checked by its public keys, never by a shared secret."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from jwt.exceptions import PyJWKClientError

from api.settings import TokenSettings
from domain.access import Scope, is_client, scopes_in

log = logging.getLogger(__name__)

LONGEST_TOKEN = 8192
_CLAIMED = ("client_id", "azp", "sub")
_FETCHED_EVERY, _FETCHED_AT_MOST_EVERY = timedelta(minutes=5), timedelta(seconds=30)
_TIMEOUT = timedelta(seconds=3)
_LEEWAY = timedelta(seconds=30)


class TokenRefusedError(Exception):
    """A token is not one of ours, or not any more."""


class IssuerUnavailableError(Exception):
    """The identity provider's keys have never been read, and it does not answer."""


@dataclass(frozen=True)
class Claims:
    """Who a token was issued to, and what for."""

    client: str
    scopes: frozenset[Scope]


class SigningKeys:
    """The issuer's keys: read again every five minutes, and when a key is named that is not known, now and then.

    An issuer that is down is asked again; until it answers, the keys it had are good.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=_TIMEOUT.total_seconds())
        self._clock = clock
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._one = threading.Lock()

    def key(self, name: str) -> jwt.PyJWK:
        """Return a key. Raises TokenRefusedError for one there is not, and KeysUnreachableError."""
        with self._one:
            if self._older(self._read_at, _FETCHED_EVERY) or name not in self._keys:
                self._read()
            if self._read_at is None:
                raise IssuerUnavailableError
            if name not in self._keys:
                raise TokenRefusedError("unknown key")
            return self._keys[name]

    def _read(self) -> None:
        if not self._older(self._tried_at, _FETCHED_AT_MOST_EVERY):
            return
        self._tried_at = self._clock()
        try:
            self._keys = {key.key_id: key for key in self._client.get_signing_keys() if key.key_id}
            self._read_at = self._clock()
        except PyJWKClientError as error:
            log.warning("the token issuer's keys could not be read: %s", type(error).__name__)

    def _older(self, moment: float | None, age: timedelta) -> bool:
        return moment is None or self._clock() - moment >= age.total_seconds()


class TokenVerifier:
    """Reads tokens of one issuer."""

    def __init__(self, settings: TokenSettings, keys: SigningKeys | None = None) -> None:
        self._settings = settings
        self._keys = keys or SigningKeys(settings.keys)

    def verify(self, text: str) -> Claims:
        """Return what a token says. Raises TokenRefusedError and KeysUnreachableError. May wait for the issuer."""
        if len(text) > LONGEST_TOKEN:
            raise TokenRefusedError("too long")
        try:
            name = jwt.get_unverified_header(text).get("kid")
            if not isinstance(name, str):
                raise TokenRefusedError("names no key")
            said = jwt.decode(
                text,
                self._keys.key(name),
                algorithms=list(self._settings.algorithms),
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud"]},
            )
        except jwt.PyJWTError as error:
            raise TokenRefusedError(type(error).__name__) from None
        if said["exp"] - said["iat"] > self._settings.longest.total_seconds():
            raise TokenRefusedError("good for too long")
        return Claims(_client(said), _scopes(said))


def _client(said: Mapping[str, Any]) -> str:
    found = next((said[name] for name in _CLAIMED if said.get(name)), None)
    if not isinstance(found, str) or not is_client(found):
        raise TokenRefusedError("names no client")
    return found


def _scopes(said: Mapping[str, Any]) -> frozenset[Scope]:
    words = said.get("scope", said.get("scp", ""))
    return scopes_in(words.split() if isinstance(words, str) else [each for each in words if isinstance(each, str)])
