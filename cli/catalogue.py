"""`catalogue`: loads a catalogue file into the embedded catalogue and seat inventory."""

from datetime import timedelta
from pathlib import Path

from providers.embedded.catalogue_loader import Catalogue, load_catalogue
from runtime.settings import Settings
from store.database.store import Store

DEMO = Path(__file__).parent / "catalogues" / "demo.json"


def load(settings: Settings, path: Path = DEMO) -> int:
    """Load a catalogue file; the timetables begin tomorrow. Return how many departures are new.

    Loads nothing when both seats and offers come from external providers.
    """
    if settings.seats and settings.offers:
        return 0
    store = Store(settings.database)
    try:
        catalogue = Catalogue.model_validate_json(path.read_bytes())
        tomorrow = store.now().date() + timedelta(days=1)
        return load_catalogue(store, settings.tenant, catalogue, tomorrow)
    finally:
        store.close()
