"""Access checks of the desk: operator authentication, known host names, and forms protected against CSRF."""

import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request

from api.auth.authenticator import Authenticator
from api.context import ApiContext, api_context
from api.errors.problems import ProblemError
from api.http.request_headers import single
from domain.access import Scope
from domain.dual_control import clean_reason

COOKIE = "changeover_desk"
FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 20
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_KEY = re.compile(r"[0-9a-f-]{36}", re.ASCII)


async def check_operator(request: Request) -> None:
    """Authenticate an operator. Browsers use HTTP Basic: any user name, an API key as password.

    Raises UNAUTHENTICATED or SCOPE_MISSING.
    """
    authenticator: Authenticator = request.app.state.authenticator
    await authenticator.authenticate(request, Scope.OPERATE, 'Basic realm="The desk: any name, your API key"')


def check_host(request: Request, ctx: Annotated[ApiContext, Depends(api_context)]) -> None:
    """Raise HOST_UNKNOWN unless the Host header is one of the desk's own names (against DNS rebinding)."""
    if ctx.desk is None or not ctx.desk.knows(single(request, "Host") or ""):
        raise ProblemError("HOST_UNKNOWN")


def token_of(request: Request) -> str:
    """Return the visitor's CSRF token: the one in its cookie, or a new one."""
    known = request.cookies.get(COOKIE, "")
    return known if _TOKEN.fullmatch(known) else secrets.token_urlsafe(32)


async def form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form sent from a page of the desk. Raises CROSS_SITE_FORM and MALFORMED_BODY."""
    if not _same_origin(request):
        raise ProblemError("CROSS_SITE_FORM")
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != FORM:
        raise ProblemError("MALFORMED_BODY")
    try:
        text = (await request.body()).decode()
        fields = dict(parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise ProblemError("MALFORMED_BODY") from None
    known = request.cookies.get(COOKIE, "")
    if not _TOKEN.fullmatch(known) or not hmac.compare_digest(known.encode(), fields.get("token", "").encode()):
        raise ProblemError("CROSS_SITE_FORM")
    return fields


class ReasonError(Exception):
    """The form's reason is not valid; the message says why."""


def reason_of(fields: Mapping[str, str], default: str | None) -> str:
    """Return the form's reason, or the default for an action that needs none. Raises ReasonError."""
    text = fields.get("reason", "")
    if not text.strip() and default:
        return default
    try:
        return clean_reason(text)
    except ValueError as error:
        raise ReasonError(f"A reason {error}.") from None


def key_of(fields: Mapping[str, str]) -> str:
    """Return the idempotency key rendered into a form: a form sent twice takes effect once."""
    key = fields.get("key", "")
    if not _KEY.fullmatch(key):
        raise ProblemError("MALFORMED_BODY")
    return key


def _same_origin(request: Request) -> bool:
    """Whether the browser states that a page of this origin sent the request.

    Browsers that send neither header are accepted here: they still need the token.
    """
    site, origin = single(request, "Sec-Fetch-Site"), single(request, "Origin")
    if site is not None and site != "same-origin":
        return False
    return origin is None or urlsplit(origin).netloc.lower() == (single(request, "Host") or "").lower()
