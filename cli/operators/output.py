"""How operators' commands speak: to which API, in words or in JSON, and with which exit code."""

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
    typer.Option(help="Where the API is; else CHANGEOVER_API says, or http://127.0.0.1:8080.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]
Order = Annotated[str, typer.Argument(help="The order's number, such as 26-100000.")]
Change = Annotated[str, typer.Argument(help="The change's id.")]
UNREACHABLE = "API_UNREACHABLE"

_NEXT = {
    "ORDER_NOT_FOUND": "An order's number looks like 26-100000.",
    "CHANGE_NOT_FOUND": "A change's id is the `change` of whatever was answered to it.",
    "BALANCE_NOT_ZERO": "Name what it is paid with: --token.",
    "ORDER_NEEDS_ATTENTION": "See `changeover attention list`: the step that keeps failing comes first.",
    "NOTHING_STUCK": "`changeover attention list` names the orders that wait for an operator.",
    "SECOND_PERSON_NEEDED": "Yours is recorded, and shown by `changeover attention list`.",
    "ENGINE_UNREACHABLE": "It is done as soon as Temporal and a worker run. Look at the logs of both.",
    "UNAUTHENTICATED": "Name a key in CHANGEOVER_KEY: `changeover client create NAME --scope operate` makes one.",
    "SCOPE_MISSING": "`changeover client list` says what each client may do.",
    "STORE_BUSY": "Look at the database and its disk.",
    "TOO_MANY_WATCHERS": "CHANGEOVER_WATCHERS admits more at once.",
}


class Output:
    """Says everything in words, or all of it in one JSON document."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False)
        self._errors = Console(highlight=False, stderr=True)

    def answer(self, document: Json, words: RenderableType) -> None:
        """Say what was found or done."""
        if self.as_json:
            print(json.dumps(document, ensure_ascii=False))
        else:
            self.out.print(words)

    def line(self, words: RenderableType) -> None:
        """Say, in words only, what happens meanwhile. A line stays one line, however long."""
        if not self.as_json:
            self.out.print(words, soft_wrap=True)

    def failure(self, problem: Json) -> None:
        """Say what is wrong, and what to do next."""
        if self.as_json:
            print(json.dumps(problem, ensure_ascii=False))
            return
        code = problem.get("code")
        self._errors.print(f"[red]{problem['title']}[/red]{f' ({code})' if code else ''}", soft_wrap=True)
        for member in problem.get("errors", ()):
            where = member.get("pointer") or member.get("field") or member.get("line") or ""
            self._errors.print(f"   {where} {member.get('detail') or ''}".rstrip(), soft_wrap=True)
        self.advise(problem)

    def advise(self, problem: Json) -> None:
        """Say what to do next about a problem, if there is anything to say."""
        if not self.as_json:
            self.hint(_NEXT.get(str(problem.get("code")), ""))

    def hint(self, text: str) -> None:
        """Say what to do next; it is no part of the answer."""
        if text:
            self._errors.print(text, soft_wrap=True, markup=False)


@contextmanager
def output_of(api: str | None, speaker: Output) -> Iterator[NativeClient]:
    """Open a client of the API; whatever goes wrong is said in words, and is the command's exit code."""
    settings = Settings()
    address = api or settings.api or f"http://{HOST}:{settings.api_port}"
    shop = NativeClient(address, settings.key.get_secret_value())
    try:
        yield shop
    except ShopError as error:
        speaker.failure(error.problem)
        raise typer.Exit(Code.NO if error.status < httpx2.codes.INTERNAL_SERVER_ERROR else Code.UNKNOWN) from None
    except (httpx2.TransportError, httpx2.InvalidURL):
        way_out = "start it with `changeover up`, or name another with --api / CHANGEOVER_API"
        title = f"The API at {address} does not answer: {way_out}."
        speaker.failure({"code": UNREACHABLE, "title": title})
        raise typer.Exit(Code.UNKNOWN) from None
    finally:
        shop.close()
