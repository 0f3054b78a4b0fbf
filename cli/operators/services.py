"""`service`: marks services of the embedded catalogue as cancelled, directly in the database."""

from typing import Annotated

import typer

from cli.operators.output import AsJson, Output

app = typer.Typer(help="Mark services that do not run.", no_args_is_help=True)

Services = Annotated[list[str], typer.Argument(metavar="SERVICE...", help="Ids such as 4711-2027-03-01.")]


@app.command("cancel")
def cancel(services: Services, *, as_json: AsJson = False) -> None:
    """Mark services as cancelled: all of those named, or none if one is unknown.

    They are no longer sold. Their lines may be given up without a fee, also after the departure, and are paid back.
    """
    from cli.operators import service_marks

    service_marks.mark(Output(as_json=as_json), services, cancelled=True)


@app.command("reinstate")
def reinstate(services: Services, *, as_json: AsJson = False) -> None:
    """Take the mark off services that run after all: off all of those named, or none if one is unknown."""
    from cli.operators import service_marks

    service_marks.mark(Output(as_json=as_json), services, cancelled=False)
