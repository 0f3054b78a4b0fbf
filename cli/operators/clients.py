"""`client`: machine clients and their API keys, made in the database itself by whoever may run commands there."""

from typing import Annotated

import typer

from cli.operators.output import AsJson, Output
from domain.access import Scope

app = typer.Typer(help="Machine clients and their API keys.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The client's name, such as kiosk-oslo; in tokens its client_id.")]


@app.command("create")
def create(
    name: Name,
    scopes: Annotated[list[Scope], typer.Option("--scope", help="What it may do; repeatable.")],
    channel: Annotated[str | None, typer.Option(help="Only orders of this distribution channel.")] = None,
    *,
    token: Annotated[bool, typer.Option("--token", help="It comes with access tokens: make no key.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register a client, and tell its first key: the only time it is told."""
    from cli.operators import client_registry

    client_registry.create(Output(as_json=as_json), name, scopes, channel, keyed=not token)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List clients, what they may do, and when their keys were last used."""
    from cli.operators import client_registry

    client_registry.show(Output(as_json=as_json))


@app.command("rotate")
def rotate(name: Name, *, as_json: AsJson = False) -> None:
    """Give a client another key and tell it. The one before is good until it is revoked; there are two at most."""
    from cli.operators import client_registry

    client_registry.rotate(Output(as_json=as_json), name)


@app.command("revoke")
def revoke(
    name: Name,
    key: Annotated[str | None, typer.Option(help="Only this key, by its id; else the client and all it has.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Let a client, or one of its keys, not in any more: from the next request on."""
    from cli.operators import client_registry

    client_registry.revoke(Output(as_json=as_json), name, key)
