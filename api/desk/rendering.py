"""Renders the desk's pages, errors included, with their security headers."""

import uuid
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.types import Scope

from api.context import ApiContext
from api.desk import labels
from api.desk.security import COOKIE, token_of
from api.errors.problems import ProblemError, problem_headers
from domain.money import Money
from providers.payment_comparison import NAME, SENTENCE
from store.invariants import INVARIANTS
from temporal.names import draft_id

HERE = Path(__file__).parent
PREFIX = "/desk"
# `no-referrer` would make browsers send `Origin: null` with our own forms, which `security.form` refuses.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def _money(amount: Money) -> str:
    sign = "\N{MINUS SIGN}" if amount.minor < 0 else ""
    return f"{sign}{str(amount).removeprefix('-')}\N{NO-BREAK SPACE}{amount.currency}"


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {
    "money": _money,
    "ago": labels.ago,
    "lasting": labels.lasting,
    "step": labels.step,
    "kind": labels.kind,
    "code": labels.code,
    "status": labels.status,
}


def page(request: Request, ctx: ApiContext, template: str, status: int = 200, **shown: Any) -> Response:
    """Return a rendered page. Every form on it has the visitor's CSRF token and its own idempotency key."""
    token = token_of(request)
    common = {
        "token": token,
        "new_key": lambda: str(uuid.uuid4()),
        "now": ctx.store.now(),
        "web_ui": lambda order: _web_ui(ctx, order),
        "invariants": {each.name: each.sentence for each in INVARIANTS} | {NAME: SENTENCE},
        "money_of": lambda row: Money(row.amount_minor, row.currency),
        "section": template.removesuffix(".html"),
    }
    text = _ENVIRONMENT.get_template(template).render(common | shown)
    response = HTMLResponse(text, status, HEADERS)
    if request.cookies.get(COOKIE) != token:
        response.set_cookie(COOKIE, token, path=PREFIX, httponly=True, samesite="strict")
    return response


def redirect(path: str) -> Response:
    """Return the response to a form: 303 to a page, so that a reload does not send the form again."""
    return RedirectResponse(path, 303, HEADERS)


def error_page(scope: Scope, error: ProblemError) -> Response:
    """Return the page for a problem."""
    ctx: ApiContext = scope["app"].state.context
    status = error.status_code
    title = labels.ERROR_TITLES.get(status, "Error")
    shown = {"title": title, "problem": error.problem, "hint": labels.HINTS.get(error.problem.code)}
    response = page(Request(scope), ctx, "error.html", status, **shown)
    response.headers.update(problem_headers(error))
    return response


def _web_ui(ctx: ApiContext, order: str) -> str | None:
    if ctx.web_ui is None:
        return None
    namespace = quote(ctx.workflow_client.client.namespace, safe="")
    return f"{ctx.web_ui.rstrip('/')}/namespaces/{namespace}/workflows/{quote(draft_id(order), safe='')}"


def moment(value: datetime) -> str:
    """Return a time as form fields hold it: ISO 8601 in UTC, to the second."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")
