"""Checks the API: whether it answers at its address, whether it is ready, and which provider fails it."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx2

from cli.doctor.clocks import RemoteTime, compare_clock
from cli.doctor.findings import Finding, bad, note, ok
from cli.doctor.providers import FIX
from cli.doctor.target import Target
from store.database.store import utc_now

SECONDS = 5


def examine(target: Target) -> Iterator[Finding]:
    """Check the API."""
    address = target.api
    sent_at = utc_now()
    try:
        response = httpx2.get(f"{address}/ready", timeout=SECONDS)
    except httpx2.TransportError:
        problem = f"no API answers at {address}"
        yield bad(problem, "`./changeover api`") if target.expected else note(problem, "`./changeover up`")
        return
    received_at = utc_now()
    if response.is_success and _is_changeover(address):
        yield ok(f"API {address}")
        for provider in response.json().get("unavailable", ()):
            yield bad(f"API {address} got no usable answer of the provider of {provider} the last time", FIX)
        if "date" in response.headers:
            yield compare_clock(
                "the API", RemoteTime(parsedate_to_datetime(response.headers["date"]), sent_at, received_at)
            )
    elif response.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
        yield bad(f"API {address} is up but not ready: {_code(response)}", "fix the problems above")
    else:
        problem = f"another program answers at {address}"
        fix = "`CHANGEOVER_API_PORT=8081 ./changeover api`, or stop the other program"
        yield bad(problem, fix) if target.expected else note(problem, "`up` uses another port")


def _is_changeover(address: str) -> bool:
    try:
        document = httpx2.get(f"{address}/openapi.json", timeout=SECONDS).json()
        return bool(document["info"]["title"] == "Changeover")
    except (httpx2.HTTPError, ValueError, KeyError, TypeError):
        return False


def _code(response: httpx2.Response) -> str:
    try:
        return str(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return str(response.status_code)
