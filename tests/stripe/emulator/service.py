"""Serves requests as Stripe does: authentication, rate limit, idempotency, endpoint; and with faults on demand."""

import base64
import binascii
import json
import re
import threading
from dataclasses import dataclass, field, replace
from typing import Any

from tests.stripe.emulator import attempts, refunds
from tests.stripe.emulator.account import Account, Clock, new_id
from tests.stripe.emulator.errors import ApiError, rate_limited, server_error
from tests.stripe.emulator.faults import Fault, Trouble
from tests.stripe.emulator.faulty_responses import after, before, error_response
from tests.stripe.emulator.forms import Params, decode
from tests.stripe.emulator.idempotency import Response, begin, save
from tests.stripe.emulator.lists import expand
from tests.stripe.emulator.routes import find_route
from tests.stripe.emulator.settings import Settings

ACTS = {"expire": attempts.expire, "refund_succeeds": refunds.succeed, "refund_fails": refunds.fail}
LONGEST_HOLD = 30
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names are in lower case."""

    method: str
    path: str
    query: str
    body: str
    headers: dict[str, str]

    @property
    def key(self) -> str | None:
        """The idempotency key; GET and DELETE ignore it."""
        return self.headers.get("idempotency-key") if self.method == "POST" else None

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, of the body or the query."""
        return decode(self.body if self.method == "POST" else self.query)


@dataclass
class Service:
    """The emulated API, with one account for each API key."""

    clock: Clock
    settings: Settings = field(default_factory=Settings)
    accounts: dict[str, Account] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    held: int = 0
    """Requests that wait until control releases them."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def reset(self, settings: Settings) -> None:
        """Begin anew, with no objects and no faults."""
        self.settings, self.faults, self.log = settings, [], []
        self.accounts = {key: Account(settings, self.clock) for key in settings.keys}

    def catch_up(self) -> None:
        """Let happen in every account what is due by now."""
        for account in self.accounts.values():
            account.catch_up(ACTS)

    def serve(self, request: Request) -> Response:
        """Return the response to a request, or one that is to be cut."""
        request_id = new_id("req")
        with self.lock:
            fault = next((each for each in self.faults if each.meets(request.method, request.path)), None)
            entry: dict[str, Any] = {"method": request.method, "path": request.path, "key": request.key}
            entry["params"] = request.params
            self.log.append(entry)
        early = before(fault) if fault and not fault.after else None
        response = early or self._answer(request, request_id, fault)
        if fault and fault.after:
            response = after(fault, response)
        entry["status"] = None if response.cut else response.status
        key = {"Idempotency-Key": request.key, "Original-Request": request_id} if request.key else {}
        version = request.headers.get("stripe-version", self.settings.version)
        return replace(
            response, headers={"Request-Id": request_id, "Stripe-Version": version, **key, **response.headers}
        )

    def _answer(self, request: Request, request_id: str, fault: Fault | None) -> Response:
        try:
            with self.lock:
                account = self._authenticate(request)
                _check_rate(account)
                if request.key is not None:
                    compared = json.dumps(request.params, sort_keys=True)
                    known = begin(account, request.key, request.path, compared, request_id)
                    if known is not None:
                        return known
        except ApiError as error:
            return error_response(error, request_id)
        holds = fault if fault is not None and fault.trouble is Trouble.HOLD else None
        if holds and not holds.after:
            self._hold(holds)
        with self.lock:
            response, saved = self._execute(account, request, request_id, fault)
        if holds and holds.after:
            self._hold(holds)
        if request.key is not None:
            with self.lock:
                save(account, request.key, request_id, response if saved else None)
        return response

    def _hold(self, fault: Fault) -> None:
        with self.lock:
            self.held += 1
        fault.released.wait(LONGEST_HOLD)
        with self.lock:
            self.held -= 1

    def _authenticate(self, request: Request) -> Account:
        key = _read_api_key(request.headers.get("authorization", ""))
        if key is None:
            message = "You did not provide an API key. You need to provide your API key in the Authorization header."
            raise ApiError(401, message)
        if key not in self.accounts:
            raise ApiError(401, f"Invalid API Key provided: {key[:8]}{'*' * 8}")
        return self.accounts[key]

    def _execute(
        self, account: Account, request: Request, request_id: str, fault: Fault | None
    ) -> tuple[Response, bool]:
        """Return the response of the endpoint, and whether it is saved under the request's key."""
        breaks = fault if fault is not None and fault.trouble is Trouble.ERROR else None
        try:
            if breaks and not breaks.after:
                raise server_error()
            account.catch_up(ACTS)
            account.request_id, account.idempotency_key = request_id, request.key
            body = _call_endpoint(account, request)
            if breaks and breaks.after:
                raise server_error()
        except ApiError as error:
            return error_response(error, request_id), error.saved
        return Response(200, body), True


def _call_endpoint(account: Account, request: Request) -> bytes:
    route, names = find_route(request.method, request.path)
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}(\.\w+)?", request.headers.get("stripe-version", account.settings.version)):
        raise ApiError(400, "Invalid Stripe API version.", saved=False)
    if request.body and request.headers.get("content-type", "").split(";")[0] != _FORM:
        raise ApiError(400, "Invalid request: the body must be form-encoded.", saved=False)
    params = Params(request.params)
    params.check_names(route.params)
    answer = expand(account, route.endpoint(account, params, **names), params.texts("expand"))
    return json.dumps(answer, indent=2).encode()


def _read_api_key(header: str) -> str | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value or None
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0] or None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _check_rate(account: Account) -> None:
    second, count = account.requests_at
    account.requests_at = (account.clock.now, count + 1 if second == account.clock.now else 1)
    if account.settings.rate_limit is not None and account.requests_at[1] > account.settings.rate_limit:
        raise rate_limited()
