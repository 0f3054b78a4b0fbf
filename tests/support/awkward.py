"""A second catalogue beside the demo's: prices, currencies, terms and stock that break careless rules."""

import itertools
import uuid
from datetime import timedelta
from pathlib import Path

from cli.catalogue import load
from runtime.settings import Settings
from store.database.store import Store
from store.tables import SeatRow, ServiceRow

AWKWARD = Path(__file__).with_name("awkward.json")
LINE = "odd"
"""The railway line of its products that have departures."""


def load_awkward(database: str) -> None:
    """Load the awkward catalogue into a migrated database; its products begin with `odd_`."""
    load(Settings(database=database), AWKWARD)


def odd_train(store: Store, coaches: int = 2, seats: int = 16, leaves_in: timedelta = timedelta(days=30)) -> str:
    """Add a train for one test alone, on which the awkward products are sold; return its service id."""
    departs, service = store.now() + leaves_in, f"odd-{uuid.uuid4().hex[:8]}"
    with store.write() as tx:
        tx.add(ServiceRow(tenant="default", id=service, railway_line=LINE, departs_at=departs, day=departs.date()))
        for coach, seat in itertools.product(range(1, coaches + 1), range(1, seats + 1)):
            tx.add(SeatRow(tenant="default", service=service, coach=coach, seat=seat, row=(seat - 1) // 4))
    return service
