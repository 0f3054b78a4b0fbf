"""`catalogue`: loads a catalogue file into the embedded catalogue and inventory."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from sqlalchemy.exc import OperationalError, ProgrammingError

from cli.check import NO_DATABASE
from cli.exit_codes import Code
from cli.operators.output import Output
from domain.catalogue_rules import CatalogueFaultsError
from providers.embedded.catalogue_file import read_catalogue
from providers.embedded.catalogue_loader import load_catalogue
from runtime.settings import Settings
from store.database.store import Store

DEMO = Path(__file__).parent / "catalogues" / "demo.json"


def catalogue(settings: Settings, path: Path, *, as_json: bool) -> Code:
    """Load a catalogue file; return the exit code: 1 if the file has faults, 2 if there is no database."""
    output = Output(as_json=as_json)
    try:
        added = load(settings, path)
    except CatalogueFaultsError as error:
        faults = [asdict(each) for each in error.faults]
        title = f"The catalogue has faults ({len(faults)}); nothing was loaded."
        output.failure({"code": "CATALOGUE_INVALID", "title": title, "errors": faults})
        return Code.NO
    except (OperationalError, ProgrammingError):
        output.failure({"code": "NO_DATABASE", "title": NO_DATABASE})
        return Code.UNKNOWN
    output.answer({"departures": added}, f"{added} new departures")
    return Code.DONE


def load(settings: Settings, path: Path = DEMO) -> int:
    """Load a catalogue file; the timetables begin tomorrow. Return how many departures are new.

    Loads nothing when both seats and offers come from external providers. Raises CatalogueFaultsError before anything
    is written.
    """
    if settings.seats and settings.offers:
        return 0
    store = Store(settings.database)
    try:
        tomorrow = store.now().date() + timedelta(days=1)
        return load_catalogue(store, settings.tenant, read_catalogue(path.read_bytes()), tomorrow)
    finally:
        store.close()
