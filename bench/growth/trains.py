"""Additional trains beside those of the demo: long ones for orders of many lines, many for many drafts."""

from datetime import time, timedelta

from providers.embedded.catalogue_file import Departure, Timetable, timetables_only
from providers.embedded.catalogue_loader import load_catalogue
from runtime.settings import Settings
from store.database.store import Store

LINE, ZONE, PER_ROW = "north", "Europe/Oslo", 4
_DAYS = 60


def run_trains(url: str, names: tuple[str, ...], coaches: int, seats: int) -> None:
    """Add daily trains with these numbers, on which every product of the railway line is sold."""
    departures = tuple(Departure(number=name, leaves=time(9, number % 60)) for number, name in enumerate(names))
    table = Timetable(
        railway_line=LINE,
        time_zone=ZONE,
        days=_DAYS,
        departures=departures,
        coaches=coaches,
        seats_per_coach=seats,
        seats_per_row=PER_ROW,
    )
    store = Store(url)
    tomorrow = store.now().date() + timedelta(days=1)
    load_catalogue(store, Settings().tenant, timetables_only(table), tomorrow)
    store.close()
