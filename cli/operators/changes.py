"""`change`: shows a change, or follows it until it has ended."""

import dataclasses
import json

import typer
from rich.console import Group
from rich.markup import escape

from cli.http_clients.change_stream import StreamEvent
from cli.http_clients.responses import Json
from cli.operators.output import Api, AsJson, Change, Output, open_client
from cli.operators.wait_for_change import exit_code, hint_when_cut_short
from cli.rendering import event_line, steps_table

app = typer.Typer(no_args_is_help=True, help="Show a change, or follow it until it has ended.")


@app.command()
def show(change: Change, *, api: Api = None, as_json: AsJson = False) -> None:
    """Show a change with its steps, price and outcome."""
    output = Output(as_json=as_json)
    with open_client(api, output) as client:
        current = client.change(change)
        output.answer(current, Group(_title(current), _sender(current), steps_table(current)))


@app.command()
def watch(change: Change, *, api: Api = None, as_json: AsJson = False) -> None:
    """Follow a change until it has ended.

    Exits with 0 if it is done, and with 1 if it is refused or undone. After a broken connection the command resumes.
    With --json each message is a line.
    """
    output = Output(as_json=as_json)
    with open_client(api, output) as client:
        current = client.change(change)
        output.line(_title(current))
        with hint_when_cut_short(output, f"The change continues: `changeover change watch {change}` resumes."):
            for event in client.follow(change):
                _print_event(output, event)
                if event.event == "ended":
                    raise typer.Exit(exit_code(event.data))


def _title(change: Json) -> str:
    return f"[bold]{change['kind']}[/bold] {change['change']} of order {change['order_number']}"


def _sender(change: Json) -> str:
    reason = f": “{escape(change['reason'])}”" if change["reason"] else ""
    return f"sent by {escape(change['client'])}{reason}"


def _print_event(output: Output, event: StreamEvent) -> None:
    if output.as_json:
        print(json.dumps(dataclasses.asdict(event), ensure_ascii=False), flush=True)
    else:
        output.line(event_line(event))
