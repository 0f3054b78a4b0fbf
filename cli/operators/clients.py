"""`client`: manages machine clients and their API keys, directly in the database."""

from typing import Annotated

import typer

from cli.operators.output import AsJson, Output
from domain.access import Scope

app = typer.Typer(help="Manage machine clients and their API keys.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The client's name, such as kiosk-oslo; in tokens its client_id.")]


@app.command("create")
def create(
    name: Name,
    scopes: Annotated[list[Scope], typer.Option("--scope", help="A scope of the client; repeatable.")],
    channel: Annotated[str | None, typer.Option(help="Only orders of this distribution channel.")] = None,
    *,
    token: Annotated[bool, typer.Option("--token", help="The client uses access tokens: create no key.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register a client and print its first key, which is shown only once."""
    from cli.operators import client_registry

    client_registry.create(Output(as_json=as_json), name, scopes, channel, keyed=not token)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List clients with their scopes, and when their keys were last used."""
    from cli.operators import client_registry

    client_registry.show(Output(as_json=as_json))


@app.command("rotate")
def rotate(name: Name, *, as_json: AsJson = False) -> None:
    """Create another key for a client and print it, which is shown only once.

    The previous key stays valid until it is revoked. A client has two keys at most.
    """
    from cli.operators import client_registry

    client_registry.rotate(Output(as_json=as_json), name)


@app.command("revoke")
def revoke(
    name: Name,
    key: Annotated[
        str | None, typer.Option(help="Revoke only the key with this id; else the client and all its keys.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Revoke a client, or one of its keys, from the next request on."""
    from cli.operators import client_registry

    client_registry.revoke(Output(as_json=as_json), name, key)
