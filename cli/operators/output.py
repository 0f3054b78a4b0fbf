"""What operators' commands share: the API they call, text or JSON output, and exit codes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import httpx2
import typer
from rich.console import Console, RenderableType

from cli.exit_codes import Code
from cli.http_clients.native import NativeClient
from cli.http_clients.responses import Json, ShopError
from runtime.settings import Settings
from telemetry.loopback import HOST

Api = Annotated[
    str | None,
    typer.Option(help="The API's URL; else CHANGEOVER_API, else http://127.0.0.1:8080.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]
Order = Annotated[str, typer.Argument(help="The order's number, such as 26-100000.")]
Change = Annotated[str, typer.Argument(help="The change's id.")]
UNREACHABLE = "API_UNREACHABLE"

_NEXT = {
    "ORDER_NOT_FOUND": "An order's number looks like 26-100000.",
    "CHANGE_NOT_FOUND": "The id of a change is the member `change` of the response to its request.",
    "BALANCE_NOT_ZERO": "Pay the balance with --token.",
    "ORDER_NEEDS_ATTENTION": "Resolve the stuck step first: see `changeover attention list`.",
    "SERVICE_NOT_FOUND": "A service's id is its number and day, such as 4711-2027-03-01.",
    "NOTHING_STUCK": "`changeover attention list` lists the orders that need attention.",
    "NOT_BY_HAND": "Check the database and the worker with `changeover doctor`, then `changeover attention retry`.",
    "NOTHING_TO_PAY_OUT": "`changeover attention list` lists the refunds that are owed.",
    "PAYOUT_DIFFERS": "`changeover attention list` shows what is owed.",
    "SECOND_PERSON_NEEDED": "Your statement is recorded; `changeover attention list` shows it.",
    "ENGINE_UNREACHABLE": "The request runs as soon as Temporal and a worker run. See the logs of both.",
    "NEWER_WORKER_NEEDED": "The request runs as soon as a worker of the newer release runs: see docs/releasing.md.",
    "UNAUTHENTICATED": "Set an API key in CHANGEOVER_KEY: `changeover client create NAME --scope operate` creates one.",
    "SCOPE_MISSING": "`changeover client list` shows the scopes of each client.",
    "STORE_BUSY": "Check the database and its disk.",
    "TOO_MANY_WATCHERS": "Raise CHANGEOVER_WATCHERS to allow more streams at the same time.",
}


class Output:
    """Prints text, or one JSON document for programs."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False)
        self._errors = Console(highlight=False, stderr=True)

    def answer(self, document: Json, text: RenderableType) -> None:
        """Print the result."""
        if self.as_json:
            print(json.dumps(document, ensure_ascii=False))
        else:
            self.out.print(text)

    def line(self, text: RenderableType) -> None:
        """Print progress, in text output only. A line is never wrapped."""
        if not self.as_json:
            self.out.print(text, soft_wrap=True)

    def failure(self, problem: Json) -> None:
        """Print a problem, and a hint what to do next."""
        if self.as_json:
            print(json.dumps(problem, ensure_ascii=False))
            return
        code = problem.get("code")
        self._errors.print(f"[red]{problem['title']}[/red]{f' ({code})' if code else ''}", soft_wrap=True)
        for line in _about(problem):
            self._errors.print(f"   {line}", soft_wrap=True, markup=False)
        self.advise(problem)

    def advise(self, problem: Json) -> None:
        """Print the hint for a problem, if there is one."""
        if not self.as_json:
            self.hint(_NEXT.get(str(problem.get("code")), ""))

    def hint(self, text: str) -> None:
        """Print a hint to stderr; it is no part of the result."""
        if text:
            self._errors.print(text, soft_wrap=True, markup=False)


def _about(problem: Json) -> list[str]:
    """Return what a problem is about: its detail, else each of its errors."""
    if problem.get("detail"):
        return [str(problem["detail"])]
    return [f"{each.get('pointer') or ''} {each.get('detail') or ''}".strip() for each in problem.get("errors", ())]


@contextmanager
def open_client(api: str | None, output: Output) -> Iterator[NativeClient]:
    """Open a client of the API. A problem or an unreachable API is printed and ends the command with an exit code."""
    settings = Settings()
    address = api or settings.api or f"http://{HOST}:{settings.api_port}"
    client = NativeClient(address, settings.key.get_secret_value())
    try:
        yield client
    except ShopError as error:
        output.failure(error.problem)
        raise typer.Exit(Code.NO if error.status < httpx2.codes.INTERNAL_SERVER_ERROR else Code.UNKNOWN) from None
    except (httpx2.TransportError, httpx2.InvalidURL):
        fix = "start it with `changeover up`, or set another with --api / CHANGEOVER_API"
        title = f"The API at {address} does not answer: {fix}."
        output.failure({"code": UNREACHABLE, "title": title})
        raise typer.Exit(Code.UNKNOWN) from None
    finally:
        client.close()
