"""The implementation of `service`: the mark of cancelled services in the embedded catalogue."""

from collections.abc import Sequence

import typer
from sqlalchemy.exc import OperationalError, ProgrammingError

from cli.check import NO_DATABASE
from cli.exit_codes import Code
from cli.operators.output import Output
from providers.embedded.service_marks import UnknownServicesError, mark_cancelled
from runtime.settings import Settings
from store.database.store import Store
from telemetry import audit_log

_EXTERNAL = "Offers come from your own provider (CHANGEOVER_OFFERS), which says which services are cancelled."


def mark(output: Output, services: Sequence[str], *, cancelled: bool) -> None:
    """Mark services as cancelled or take the mark off, and record who did it."""
    settings = Settings()
    if settings.offers:
        output.failure({"code": "OFFERS_NOT_EMBEDDED", "title": _EXTERNAL})
        raise typer.Exit(Code.NO)
    store = Store(settings.database)
    try:
        changed = mark_cancelled(store, settings.tenant, services, cancelled=cancelled)
    except UnknownServicesError as error:
        unknown = [{"field": each, "detail": "is unknown"} for each in error.services]
        title = "There is no such service; nothing was changed."
        output.failure({"code": "SERVICE_NOT_FOUND", "title": title, "errors": unknown})
        raise typer.Exit(Code.NO) from None
    except (OperationalError, ProgrammingError):
        output.failure({"code": "NO_DATABASE", "title": NO_DATABASE})
        raise typer.Exit(Code.UNKNOWN) from None
    finally:
        store.close()
    action, word = ("cancel service", "Cancelled") if cancelled else ("reinstate service", "Reinstated")
    for service in changed:
        audit_log.record(action, audit_log.terminal_user(), service=service)
    output.answer({"services": changed}, f"{word}: {', '.join(changed) or 'none, they were already'}")
