"""`change`: a change as it stands, and as it happens."""

import dataclasses
import json

import typer
from rich.console import Group

from cli.http_clients.change_stream import StreamEvent
from cli.operators.output import Api, AsJson, Change, Output, output_of
from cli.operators.wait_for_change import exit_code, found_again
from cli.rendering import steps_of, told_line

app = typer.Typer(no_args_is_help=True, help="Changes, as they stand and as they happen.")


@app.command()
def show(change: Change, *, api: Api = None, as_json: AsJson = False) -> None:
    """Show a change: its steps so far, what it costs, and how it ended."""
    speaker = Output(as_json=as_json)
    with output_of(api, speaker) as shop:
        found = shop.change(change)
        title = f"[bold]{found['kind']}[/bold] {found['change']} of order {found['order_number']}"
        speaker.answer(found, Group(title, steps_of(found)))


@app.command()
def watch(change: Change, *, api: Api = None, as_json: AsJson = False) -> None:
    """Watch a change as it happens, until it has ended: exit code 0 when it is done, 1 when it was taken back.

    An API that goes away is waited for, and the watch resumed where it was. With --json each message is a line.
    """
    speaker = Output(as_json=as_json)
    with output_of(api, speaker) as shop:
        found = shop.change(change)
        speaker.line(f"[bold]{found['kind']}[/bold] {found['change']} of order {found['order_number']}")
        with found_again(speaker, f"It goes on: `changeover change watch {change}` takes up again."):
            for told in shop.follow(change):
                _tell(speaker, told)
                if told.event == "ended":
                    raise typer.Exit(exit_code(told.data))


def _tell(speaker: Output, event: StreamEvent) -> None:
    if speaker.as_json:
        print(json.dumps(dataclasses.asdict(event), ensure_ascii=False), flush=True)
    else:
        speaker.line(told_line(event))
