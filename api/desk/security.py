"""Who may read a page and send a form: calls by our own names, from our own pages, with a token of ours."""

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
MOST_FIELDS = 20
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_KEY = re.compile(r"[0-9a-f-]{36}", re.ASCII)


async def check_operator(request: Request) -> None:
    """Raise UNAUTHENTICATED or SCOPE_MISSING unless an operator asks; browsers know Basic: a key is its password."""
    door: Authenticator = request.app.state.door
    await door.authenticate(request, Scope.OPERATE, 'Basic realm="The desk: any name, your API key"')


def check_host(request: Request, made: Annotated[ApiContext, Depends(api_context)]) -> None:
    """Raise HOST_UNKNOWN unless the desk is called by a name of its own (against DNS rebinding)."""
    if made.desk is None or not made.desk.knows(single(request, "Host") or ""):
        raise ProblemError("HOST_UNKNOWN")


def token_of(request: Request) -> str:
    """Return the visitor's token: the one their browser has, or a new one."""
    known = request.cookies.get(COOKIE, "")
    return known if _TOKEN.fullmatch(known) else secrets.token_urlsafe(32)


async def form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form sent from a page of ours. Raises CROSS_SITE_FORM and MALFORMED_BODY."""
    if not _from_here(request):
        raise ProblemError("CROSS_SITE_FORM")
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != FORM:
        raise ProblemError("MALFORMED_BODY")
    try:
        text = (await request.body()).decode()
        fields = dict(parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise ProblemError("MALFORMED_BODY") from None
    known = request.cookies.get(COOKIE, "")
    if not _TOKEN.fullmatch(known) or not hmac.compare_digest(known.encode(), fields.get("token", "").encode()):
        raise ProblemError("CROSS_SITE_FORM")
    return fields


class ReasonError(Exception):
    """The reason given is none: the text says why."""


def reason_of(fields: Mapping[str, str], unasked: str | None) -> str:
    """Return why, or what stands for it where it need not be said. Raises ReasonError."""
    text = fields.get("reason", "")
    if not text.strip() and unasked:
        return unasked
    try:
        return clean_reason(text)
    except ValueError as error:
        raise ReasonError(f"A reason {error}.") from None


def key_of(fields: Mapping[str, str]) -> str:
    """Return the key a form was given when it was shown: sent twice, it is done once."""
    key = fields.get("key", "")
    if not _KEY.fullmatch(key):
        raise ProblemError("MALFORMED_BODY")
    return key


def _from_here(request: Request) -> bool:
    """Whether a browser says that a page of this very origin sent it; one that says nothing has the token to show."""
    site, origin = single(request, "Sec-Fetch-Site"), single(request, "Origin")
    if site is not None and site != "same-origin":
        return False
    return origin is None or urlsplit(origin).netloc.lower() == (single(request, "Host") or "").lower()
