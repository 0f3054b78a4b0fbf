"""Renders changes and their events for a terminal."""

from collections.abc import Mapping

from rich.markup import escape
from rich.table import Table

from cli.http_clients.change_stream import StreamEvent
from cli.http_clients.responses import Json

_SIGNS = {
    "done": "[green]✓[/green]",
    "started": "[yellow]…[/yellow]",
    "withdrawing": "[magenta]…[/magenta]",
    "withdrawn": "[magenta]↩[/magenta]",
}
_UNDONE = {"withdrawing": "being undone", "withdrawn": "undone"}
_WARNS = ("needs_attention", "change_undone", "draft_expired", "draft_discarded")


def steps_table(change: Json, notes: Mapping[str, str] | None = None) -> Table:
    """Return a change's steps with notes by step name, its outcome and its price."""
    table, remaining = Table.grid(padding=(0, 1)), dict(notes or {})
    for step in change["steps"]:
        table.add_row("    ", _sign(step), f"{_step(step)}{_note(remaining.pop(step['step'], ''))}")
    for name, note in remaining.items():
        table.add_row("    ", "[red]![/red]", f"{name}{_note(note)}")
    table.add_row("    ", "=", _outcome(change["state"], (change.get("problem") or {}).get("code")))
    quote = change.get("quote")
    if quote:
        price = f"old {quote['old_price']}, new {quote['new_price']}, fee {quote['fee']}"
        table.add_row("    ", " ", f"{price}, difference {quote['difference']} {quote['currency']}")
    return table


def event_line(event: StreamEvent) -> str:
    """Return one event of a change as one line."""
    data = event.data
    if event.event == "step":
        return f"  {_sign(data)} {_step(data)}"
    if event.event == "ended":
        return f"  = {_outcome(data['state'], data['code'])}"
    colour = "yellow" if event.event in _WARNS else "cyan"
    more = ", ".join(f"{name} {_text(value)}" for name, value in data["data"].items() if value not in ("", []))
    return f"  • [{colour}]{event.event}[/{colour}] {escape(more)}".rstrip()


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _sign(step: Json) -> str:
    return "[red]✗[/red]" if step["refused"] else _SIGNS[step["state"]]


def _step(step: Json) -> str:
    undone = None if step["refused"] else _UNDONE.get(step["state"])
    return f"{step['step']}{f'  [magenta]{undone}[/magenta]' if undone else ''}"


def _note(note: str) -> str:
    return f"  [red]{note}[/red]" if note else ""


def _outcome(state: str, code: str | None) -> str:
    if code:
        return f"[bold yellow]{state}[/bold yellow] {code}"
    return "[bold green]done[/bold green]" if state == "done" else state
