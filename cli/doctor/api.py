"""The API: whether it answers at its address, and can serve."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx2

from cli.doctor.clocks import Heard, clock
from cli.doctor.findings import Finding, bad, note, ok
from cli.doctor.target import Target
from store.database.store import utc_now

SECONDS = 5


def look(patient: Target) -> Iterator[Finding]:
    """Look at the API."""
    where = patient.api
    asked = utc_now()
    try:
        answer = httpx2.get(f"{where}/ready", timeout=SECONDS)
    except httpx2.TransportError:
        silent = f"no API answers at {where}"
        yield bad(silent, "`./changeover api`") if patient.expected else note(silent, "`./changeover up`")
        return
    answered = utc_now()
    if answer.is_success and _is_ours(where):
        yield ok(f"API {where}")
        if "date" in answer.headers:
            yield clock("the API", Heard(parsedate_to_datetime(answer.headers["date"]), asked, answered))
    elif answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
        yield bad(f"API {where} is up and cannot serve: {_code(answer)}", "mend what is bad above")
    else:
        other = f"somebody else answers at {where}"
        mend = "`CHANGEOVER_API_PORT=8081 ./changeover api`, or end the other"
        yield bad(other, mend) if patient.expected else note(other, "`up` takes another port")


def _is_ours(where: str) -> bool:
    try:
        found = httpx2.get(f"{where}/openapi.json", timeout=SECONDS).json()
        return bool(found["info"]["title"] == "Changeover")
    except (httpx2.HTTPError, ValueError, KeyError, TypeError):
        return False


def _code(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)
