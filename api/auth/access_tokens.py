"""Access tokens (JWT, RFC 9068) of an identity provider: verified with its public keys, never with a shared secret."""

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

MAX_TOKEN_LENGTH = 8192
_CLIENT_CLAIMS = ("client_id", "azp", "sub")
_CACHE_LIFETIME, _MIN_FETCH_INTERVAL = timedelta(minutes=5), timedelta(seconds=30)
_TIMEOUT = timedelta(seconds=3)
_LEEWAY = timedelta(seconds=30)


class TokenRefusedError(Exception):
    """A token is invalid, expired or issued for another API."""


class IssuerUnavailableError(Exception):
    """The issuer does not answer, and its keys have never been read."""


@dataclass(frozen=True)
class Claims:
    """The client and the scopes that a token names."""

    client: str
    scopes: frozenset[Scope]


class SigningKeys:
    """The issuer's public keys, cached for five minutes.

    A token that names an unknown key causes a new fetch, at most every 30 seconds. While the issuer is down,
    the cached keys stay valid and each later call may retry the fetch.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=_TIMEOUT.total_seconds())
        self._clock = clock
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._lock = threading.Lock()

    def key(self, name: str) -> jwt.PyJWK:
        """Return a key by its id. Raise TokenRefusedError for an unknown key, and IssuerUnavailableError."""
        with self._lock:
            if self._is_older(self._fetched_at, _CACHE_LIFETIME) or name not in self._keys:
                self._fetch()
            if self._fetched_at is None:
                raise IssuerUnavailableError
            if name not in self._keys:
                raise TokenRefusedError("unknown key")
            return self._keys[name]

    def _fetch(self) -> None:
        if not self._is_older(self._tried_at, _MIN_FETCH_INTERVAL):
            return
        self._tried_at = self._clock()
        try:
            self._keys = {key.key_id: key for key in self._client.get_signing_keys() if key.key_id}
            self._fetched_at = self._clock()
        except PyJWKClientError as error:
            log.warning("JWKS fetch failed: %s", type(error).__name__)

    def _is_older(self, moment: float | None, age: timedelta) -> bool:
        return moment is None or self._clock() - moment >= age.total_seconds()


class TokenVerifier:
    """Verifies the access tokens of one issuer."""

    def __init__(self, settings: TokenSettings, keys: SigningKeys | None = None) -> None:
        self._settings = settings
        self._keys = keys or SigningKeys(settings.keys)

    def verify(self, text: str) -> Claims:
        """Return the claims of a token. Raise TokenRefusedError and IssuerUnavailableError. May wait for the issuer."""
        if len(text) > MAX_TOKEN_LENGTH:
            raise TokenRefusedError("too long")
        try:
            name = jwt.get_unverified_header(text).get("kid")
            if not isinstance(name, str):
                raise TokenRefusedError("names no key")
            claims = jwt.decode(
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
        if claims["exp"] - claims["iat"] > self._settings.max_lifetime.total_seconds():
            raise TokenRefusedError("lifetime too long")
        return Claims(_client(claims), _scopes(claims))


def _client(claims: Mapping[str, Any]) -> str:
    client = next((claims[name] for name in _CLIENT_CLAIMS if claims.get(name)), None)
    if not isinstance(client, str) or not is_client(client):
        raise TokenRefusedError("names no client")
    return client


def _scopes(claims: Mapping[str, Any]) -> frozenset[Scope]:
    words = claims.get("scope", claims.get("scp", ""))
    return scopes_in(words.split() if isinstance(words, str) else [each for each in words if isinstance(each, str)])
