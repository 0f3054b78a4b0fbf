"""The trains, products and travellers of the acts of a program."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.soak.http_client import Json
from tests.soak.program import SCARCE_TRAINS, Act

NAMES = ("Maria", "Olav", "Kari", "Nils", "Åse", "Jon", "Li", "Ola")
MAX_ABOARD = 5
BORN = "1990-05-04"
SOON = 3
"""Days ahead of the first train."""
_PANORAMA = time(9, 18, tzinfo=ZoneInfo("Europe/Zurich"))


def day(act: Act, today: date) -> date:
    """Return the day of an act's train: all orders share the scarce ones, the others are for one order each."""
    ahead = act.scarce if act.scarce is not None else SCARCE_TRAINS + act.order
    return today + timedelta(days=SOON + ahead)


def train(act: Act, today: date) -> str:
    """Return the service id for an order in kroner."""
    return f"{'4713' if act.flexible else '4711'}-{day(act, today)}"


def departure(act: Act, today: date) -> datetime:
    """Return the instant from which a line in francs is valid: the departure of the train with seats."""
    return datetime.combine(day(act, today), _PANORAMA)


def in_francs(act: Act) -> str:
    """Return the product for an order in francs: a train with few seats, or a card."""
    if act.scarce is not None:
        return "gotthard_panorama"
    return "nova_zurichcard72" if act.flexible else "nova_zurichcard24"


def item(act: Act, today: date, travellers: list[Json]) -> Json:
    """Return an item as discover.swiss's clients send it."""
    travellers_sent = [
        {"identifier": each["id"], "birthDate": BORN, "givenName": each["given_name"], "familyName": "Li"}
        for each in travellers
    ]
    product = {"identifier": in_francs(act)}
    configuration = {
        "product": product,
        "validFrom": departure(act, today).isoformat(),
        "traveler": travellers_sent,
    }
    return {"orderQuantity": 1, "orderedItem": configuration}


def person(identity: str) -> Json:
    """Return all members of a traveller."""
    name = NAMES[int(identity.removeprefix("p"))]
    return {"id": identity, "given_name": name, "family_name": "Li", "birth_date": BORN}


def people(party: int) -> list[Json]:
    """Return the travellers of a party of this size."""
    return [person(f"p{number}") for number in range(party)]


def newcomers(order: Json, party: int) -> list[Json]:
    """Return up to `party` travellers who are not on an order yet, as far as it has room."""
    aboard = {each["id"] for each in order["travellers"]}
    free = [f"p{number}" for number in range(len(NAMES)) if f"p{number}" not in aboard]
    return [person(each) for each in free[: max(min(party, MAX_ABOARD - len(aboard)), 0)]]
