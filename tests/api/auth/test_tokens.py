"""Access tokens: only the issuer's are accepted, until they expire, for the scopes of their client."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.auth.access_tokens import IssuerUnavailableError, SigningKeys, TokenRefusedError, TokenVerifier
from api.settings import TokenSettings
from domain.access import Scope
from store import clients
from telemetry.loopback import HOST
from tests.support.auth import AuthenticatedWorld, with_authentication
from tests.support.world import TENANT, World

ISSUER, AUDIENCE = "https://issuer.example", "changeover"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Issuer:
    """An identity provider that publishes its keys over HTTP and counts the fetches."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"one": RSA}
        self.fetches = 0
        self.up = True

    def jwks(self) -> bytes:
        found = [_public(name, key) for name, key in self.keys.items()]
        return json.dumps({"keys": found}).encode()


def _public(name: str, key: Any) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    shown: dict[str, Any] = kind.to_jwk(key.public_key(), as_dict=True)
    return shown | {"kid": name, "use": "sig", "alg": algorithm}


@contextmanager
def published(issuer: Issuer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            self.send_response(200 if issuer.up else 503)
            self.end_headers()
            self.wfile.write(issuer.jwks() if issuer.up else b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/keys"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def tokens(issuer: Issuer) -> Iterator[TokenVerifier]:
    with published(issuer) as url:
        yield TokenVerifier(TokenSettings(ISSUER, AUDIENCE, url))


@pytest.fixture
async def authenticated(world: World, tokens: TokenVerifier) -> AsyncIterator[AuthenticatedWorld]:
    async with with_authentication(world, tokens) as api:
        yield api


def claims(client: str = "somebody", **more: Any) -> dict[str, Any]:
    now = int(time.time())  # noqa: TID251 - PyJWT's own clock
    usual = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 600, "client_id": client, "scope": "read change"}
    return {name: value for name, value in (usual | more).items() if value is not None}


def token(payload: dict[str, Any], key: Any = RSA, algorithm: str = "RS256", kid: Any = "one") -> str:
    return jwt.encode(payload, key, algorithm, headers={"kid": kid})


async def test_a_token_and_its_client_must_both_allow_a_request(authenticated: AuthenticatedWorld) -> None:
    client = authenticated.client(Scope.READ, Scope.OPERATE)
    bearer = authenticated.with_bearer(token(claims(client.name)))
    assert (await bearer.send("GET", "/v1/orders/26-999999")).status == 404
    assert (
        await bearer.post("/v1/orders", {"currency": "NOK"})
    ).status == 403  # the token has the scope, the client does not
    assert (await bearer.send("GET", "/v1/attention")).status == 403  # the client has the scope, the token does not


async def test_an_unregistered_or_revoked_client_is_401(authenticated: AuthenticatedWorld) -> None:
    assert (await authenticated.with_bearer(token(claims("nobody"))).send("GET", "/v1/orders/26-999999")).status == 401
    client, store = authenticated.client(), authenticated.world.components.store
    bearer = authenticated.with_bearer(token(claims(client.name)))
    assert (await bearer.send("GET", "/v1/orders/26-999999")).status == 404
    with store.write() as tx:
        row = clients.find(tx, TENANT, client.name)
        assert row
        row.revoked_at = store.now()
    assert (await bearer.send("GET", "/v1/orders/26-999999")).status == 401


def _pem_as_secret(payload: dict[str, Any]) -> str:
    """Sign with HMAC and the public key, which deceives a verifier that lets a token choose its algorithm."""

    def part(value: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    text = part({"alg": "HS256", "kid": "one", "typ": "JWT"}) + b"." + part(payload)
    signature = base64.urlsafe_b64encode(hmac.new(PEM, text, hashlib.sha256).digest()).rstrip(b"=")
    return (text + b"." + signature).decode()


NOW = int(time.time())  # noqa: TID251 - PyJWT's own clock
FORGED: Mapping[str, Callable[[], str]] = {
    "unsigned": lambda: jwt.encode(claims(), "", "none", headers={"kid": "one"}),
    "signed with the public key": lambda: _pem_as_secret(claims()),
    "of another key": lambda: token(claims(), OTHER),
    "for another audience": lambda: token(claims(aud="somebody-else")),
    "of another issuer": lambda: token(claims(iss="https://evil.example")),
    "expired": lambda: token(claims(iat=NOW - 7200, exp=NOW - 3600)),
    "not valid yet": lambda: token(claims(nbf=NOW + 3600)),
    "issued in the future": lambda: token(claims(iat=NOW + 3600, exp=NOW + 3700)),
    "without expiry": lambda: token(claims(exp=None)),
    "valid for a year": lambda: token(claims(exp=NOW + 365 * 86400)),
    "without issue time": lambda: token(claims(iat=None)),
    "by an unknown key": lambda: token(claims(), kid="two"),
    "by a path": lambda: token(claims(), kid="../../etc/passwd"),
    "by no key": lambda: jwt.encode(claims(), RSA, "RS256"),
    "by another kind of key": lambda: token(claims(), CURVE, "ES256"),
    "without a client": lambda: token(claims(client_id=None)),
    "of a number": lambda: token(claims(client_id=7)),
    "of a name too long": lambda: token(claims("a" * 65)),
    "of a name with NUL": lambda: token(claims("a\0b")),
    "too long": lambda: token(claims(more="x" * 100_000)),
    "empty": lambda: "..",
}


@pytest.mark.parametrize("what", FORGED)
def test_an_invalid_token_is_refused(tokens: TokenVerifier, what: str) -> None:
    assert tokens.verify(token(claims())).client == "somebody"
    with pytest.raises(TokenRefusedError):
        tokens.verify(FORGED[what]())


async def test_the_bearer_of_an_invalid_token_is_401(authenticated: AuthenticatedWorld) -> None:
    authenticated.client(name="somebody")
    assert (await authenticated.with_bearer(token(claims())).send("GET", "/v1/orders/26-999999")).status == 404
    for what, make in FORGED.items():
        status = (await authenticated.with_bearer(make()).send("GET", "/v1/orders/26-999999")).status
        assert status == (431 if what == "too long" else 401), what


@pytest.mark.parametrize("scopes", ["read change", ["read", "change"]], ids=["words", "a list"])
def test_scopes_are_words_or_a_list_and_foreign_ones_are_ignored(
    tokens: TokenVerifier, scopes: str | list[str]
) -> None:
    claim = [*scopes, "email", 7] if isinstance(scopes, list) else f"{scopes} email"
    verified = tokens.verify(token(claims(scope=claim)))
    assert verified.scopes == {Scope.READ, Scope.CHANGE}


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_issuer_keys_are_rotated_and_unknown_ones_do_not_cause_a_fetch_each_time(issuer: Issuer) -> None:
    clock = Clock()
    with published(issuer) as url:
        tokens = TokenVerifier(TokenSettings(ISSUER, AUDIENCE, url), SigningKeys(url, clock))
        tokens.verify(token(claims()))
        assert issuer.fetches == 1
        issuer.keys = {"two": CURVE}
        fresh = token(claims(), CURVE, "ES256", "two")
        for _ in range(20):
            with pytest.raises(TokenRefusedError):
                tokens.verify(fresh)
        assert issuer.fetches == 1
        clock.now += 31
        assert tokens.verify(fresh).client == "somebody"
        assert issuer.fetches == 2
        with pytest.raises(TokenRefusedError):
            tokens.verify(token(claims()))


def test_while_the_issuer_is_down_its_cached_keys_stay_valid(issuer: Issuer) -> None:
    clock = Clock()
    with published(issuer) as url:
        tokens = TokenVerifier(TokenSettings(ISSUER, AUDIENCE, url), SigningKeys(url, clock))
        tokens.verify(token(claims()))
        issuer.up = False
        clock.now += 3600
        tokens.verify(token(claims()))
        with pytest.raises(IssuerUnavailableError):
            TokenVerifier(TokenSettings(ISSUER, AUDIENCE, url)).verify(token(claims()))


async def test_issuer_keys_that_were_never_read_are_503(world: World, issuer: Issuer) -> None:
    issuer.up = False
    with published(issuer) as url:
        async with with_authentication(world, TokenVerifier(TokenSettings(ISSUER, AUDIENCE, url))) as authenticated:
            answer = await authenticated.with_bearer(token(claims())).send("GET", "/v1/orders/26-999999")
    assert (answer.status, answer.code) == (503, "TOKEN_ISSUER_UNAVAILABLE")
