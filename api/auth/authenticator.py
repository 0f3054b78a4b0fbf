"""The door: who asks is known, and may ask it, before anything of a body is read."""

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
    """By what clients are known. With neither, nobody is asked who they are."""

    pepper: str = ""
    """What keys are hashed with; empty: no keys are taken."""
    tokens: TokenVerifier | None = None
    client_per_minute: int = 600
    """Requests of each client that is known."""
    unauthenticated_per_minute: int = 30
    """Requests from each address by whom is not let in."""
    prices_per_minute: int = 120
    """Of a client's requests, those that only ask for prices."""

    @property
    def per_minute(self) -> Mapping[str, int]:
        """How many requests of each kind a minute are taken."""
        return {
            _CLIENT: self.client_per_minute,
            _UNAUTHENTICATED: self.unauthenticated_per_minute,
            _PRICES: self.prices_per_minute,
        }

    @property
    def enabled(self) -> bool:
        """Whether anybody is asked who they are."""
        return bool(self.pepper) or self.tokens is not None


class Authenticator:
    """Lets in who has a key or a token, for what they may."""

    def __init__(self, store: Store, tenant: str, settings: AuthSettings, limiter: RateLimiter) -> None:
        self._store = store
        self._tenant = tenant
        self._settings = settings
        self._limiter = limiter

    async def authenticate(
        self, request: Request, needed: Scope, challenge: str = BEARER, *, for_prices: bool = False
    ) -> None:
        """Note who asks, and what is left to them this minute, on the request; `challenge` says how one is known.

        What is asked for prices only is counted as such too. Raises CREDENTIAL_IN_QUERY, UNAUTHENTICATED,
        SCOPE_MISSING, TOKEN_ISSUER_UNAVAILABLE and RATE_LIMITED. Without
        authentication nothing is counted.
        """
        check_query(request)
        caller = await self._known(request, challenge) if self._settings.enabled else Caller.anonymous(self._tenant)
        if caller.client:
            bind_contextvars(client=caller.client)
            await self._limiter.check(request, _CLIENT, caller.client)
        require_scope(caller, needed)
        if caller.client and for_prices:
            await self._limiter.check(request, _PRICES, caller.client)
        request.state.caller = caller

    async def _known(self, request: Request, challenge: str) -> Caller:
        credential = credential_of(request)
        if credential is None:
            await self._limiter.check(request, _UNAUTHENTICATED, address_of(request))
            raise ProblemError("UNAUTHENTICATED", headers={"WWW-Authenticate": challenge})
        caller = await self._whose(credential)
        if caller is None:
            await self._limiter.check(request, _UNAUTHENTICATED, address_of(request))
            wrong = f'{BEARER} error="invalid_token"' if challenge == BEARER else challenge
            raise ProblemError("UNAUTHENTICATED", headers={"WWW-Authenticate": wrong})
        return caller

    async def is_still_valid(self, request: Request) -> bool:
        """Whether who was let in with a request still would be: its key may be revoked by now, its token too old.

        While nobody can tell, they are.
        """
        if not self._settings.enabled:
            return True
        caller: Caller = request.state.caller
        try:
            return await self._whose(credential_of(request) or "") == caller
        except (*BUSY, ProblemError) as error:
            log.warning("not known whether a client is still let in: %s", type(error).__name__)
            return True

    async def _whose(self, credential: str) -> Caller | None:
        return await run_in_threadpool(self._by_key if api_keys.key_id(credential) else self._by_token, credential)

    def _by_key(self, text: str) -> Caller | None:
        name, now = api_keys.key_id(text) or "", self._store.now()
        with self._store.read() as tx:
            found = clients.by_key(tx, name)
        if found is None or not self._settings.pepper:
            return None
        caller, kept, seen_at = found
        if not api_keys.verify(text, self._settings.pepper, kept):
            return None
        if _long_ago(seen_at, now):
            self._note(name, now)
        return caller

    def _note(self, key: str, now: datetime) -> None:
        """Note that a key is used; a store that is busy keeps nobody out."""
        try:
            with self._store.write() as tx:
                clients.record_last_use(tx, key, now)
        except BUSY as error:
            log.warning("use of a key not noted: %s", type(error).__name__)

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
    """Raise SCOPE_MISSING unless a caller may do what needs a scope."""
    if needed not in caller.scopes:
        challenge = f'{BEARER} error="insufficient_scope", scope="{needed}"'
        raise ProblemError("SCOPE_MISSING", [{"field": needed}], headers={"WWW-Authenticate": challenge})


def _long_ago(moment: datetime | None, now: datetime) -> bool:
    return moment is None or now - moment >= clients.SEEN_EVERY
