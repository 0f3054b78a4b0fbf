"""Authenticates the caller and checks its scope before the body is read."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from structlog.contextvars import bind_contextvars

from api.auth import api_keys
from api.auth.access_tokens import Claims, IssuerUnavailableError, TokenRefusedError, TokenVerifier
from api.auth.credentials import check_query, credential_of
from api.errors.problems import ProblemError
from api.rate_limits.limiter import RateLimiter, address_of
from domain.access import Caller, Scope
from store import clients
from store.database.connections import BUSY
from store.database.store import Store

log = logging.getLogger(__name__)

BEARER = "Bearer"
_CLIENT, _UNAUTHENTICATED, _PRICES = "client", "unauthenticated", "prices"


@dataclass(frozen=True)
class AuthSettings:
    """How clients authenticate. With neither a pepper nor tokens, authentication is off."""

    pepper: str = ""
    """The secret key of the API keys' hashes; if empty, API keys are not accepted."""
    tokens: TokenVerifier | None = None
    """Verifies access tokens; None if they are not accepted."""
    client_per_minute: int = 600
    """Requests per minute of each authenticated client."""
    unauthenticated_per_minute: int = 30
    """Unauthenticated requests per minute and IP address."""
    prices_per_minute: int = 120
    """Price requests per minute of each client; they also count as its requests."""

    @property
    def per_minute(self) -> Mapping[str, int]:
        """The allowed requests per minute, by kind of limit."""
        return {
            _CLIENT: self.client_per_minute,
            _UNAUTHENTICATED: self.unauthenticated_per_minute,
            _PRICES: self.prices_per_minute,
        }

    @property
    def enabled(self) -> bool:
        """Whether callers must authenticate."""
        return bool(self.pepper) or self.tokens is not None


class Authenticator:
    """Authenticates callers by API key or access token, and applies scopes and rate limits."""

    def __init__(self, store: Store, tenant: str, settings: AuthSettings, limiter: RateLimiter) -> None:
        self._store = store
        self._tenant = tenant
        self._settings = settings
        self._limiter = limiter

    async def authenticate(
        self, request: Request, needed: Scope, challenge: str = BEARER, *, for_prices: bool = False
    ) -> None:
        """Store the caller and the rest of its rate limits on the request.

        `challenge` is the WWW-Authenticate header of a 401; `for_prices` also counts the request as a price request.
        Without authentication no request is counted. Raise CREDENTIAL_IN_QUERY, UNAUTHENTICATED, SCOPE_MISSING,
        TOKEN_ISSUER_UNAVAILABLE and RATE_LIMITED.
        """
        check_query(request)
        caller = await self._identify(request, challenge) if self._settings.enabled else Caller.anonymous(self._tenant)
        if caller.client:
            bind_contextvars(client=caller.client)
            await self._limiter.check(request, _CLIENT, caller.client)
        require_scope(caller, needed)
        if caller.client and for_prices:
            await self._limiter.check(request, _PRICES, caller.client)
        request.state.caller = caller

    async def _identify(self, request: Request, challenge: str) -> Caller:
        credential = credential_of(request)
        if credential is None:
            await self._limiter.check(request, _UNAUTHENTICATED, address_of(request))
            raise ProblemError("UNAUTHENTICATED", headers={"WWW-Authenticate": challenge})
        caller = await self._find_caller(credential)
        if caller is None:
            await self._limiter.check(request, _UNAUTHENTICATED, address_of(request))
            wrong = f'{BEARER} error="invalid_token"' if challenge == BEARER else challenge
            raise ProblemError("UNAUTHENTICATED", headers={"WWW-Authenticate": wrong})
        return caller

    async def is_still_valid(self, request: Request) -> bool:
        """Whether a request's credential is still valid: its key may be revoked, its token expired.

        If the store or the issuer does not answer, the credential counts as valid.
        """
        if not self._settings.enabled:
            return True
        caller: Caller = request.state.caller
        try:
            return await self._find_caller(credential_of(request) or "") == caller
        except (*BUSY, ProblemError) as error:
            log.warning("client re-authentication failed: %s", type(error).__name__)
            return True

    async def _find_caller(self, credential: str) -> Caller | None:
        return await run_in_threadpool(self._by_key if api_keys.key_id(credential) else self._by_token, credential)

    def _by_key(self, text: str) -> Caller | None:
        name, now = api_keys.key_id(text) or "", self._store.now()
        with self._store.read() as tx:
            registered = clients.by_key(tx, name)
        if registered is None or not self._settings.pepper:
            return None
        caller, stored_hash, last_used_at = registered
        if not api_keys.verify(text, self._settings.pepper, stored_hash):
            return None
        if _is_outdated(last_used_at, now):
            self._record_last_use(name, now)
        return caller

    def _record_last_use(self, key: str, now: datetime) -> None:
        """Record the last use of a key. If the store is busy, the request continues without it."""
        try:
            with self._store.write() as tx:
                clients.record_last_use(tx, key, now)
        except BUSY as error:
            log.warning("API key last use not recorded: %s", type(error).__name__)

    def _by_token(self, text: str) -> Caller | None:
        claims = self._claims(text)
        if claims is None:
            return None
        with self._store.read() as tx:
            registered = clients.by_name(tx, claims.client)
        if registered is None:
            return None
        return Caller(registered.client, registered.access, registered.scopes & claims.scopes)

    def _claims(self, text: str) -> Claims | None:
        try:
            return self._settings.tokens.verify(text) if self._settings.tokens else None
        except TokenRefusedError:
            return None
        except IssuerUnavailableError:
            raise ProblemError("TOKEN_ISSUER_UNAVAILABLE") from None


def require_scope(caller: Caller, needed: Scope) -> None:
    """Raise SCOPE_MISSING unless the caller has a scope."""
    if needed not in caller.scopes:
        challenge = f'{BEARER} error="insufficient_scope", scope="{needed}"'
        raise ProblemError("SCOPE_MISSING", [{"field": needed}], headers={"WWW-Authenticate": challenge})


def _is_outdated(moment: datetime | None, now: datetime) -> bool:
    return moment is None or now - moment >= clients.LAST_USE_PRECISION
