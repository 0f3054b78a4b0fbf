"""Who travels where: the trains and people an act of the program means."""

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
    """Return when an act's train leaves: scarce ones are everybody's, the others only this order's."""
    ahead = act.scarce if act.scarce is not None else SCARCE_TRAINS + act.order
    return today + timedelta(days=SOON + ahead)


def train(act: Act, today: date) -> str:
    """Return the service of an order in kroner."""
    return f"{'4713' if act.flexible else '4711'}-{day(act, today)}"


def departure(act: Act, today: date) -> datetime:
    """Return from when an order in francs is valid: just when the train leaves that has seats."""
    return datetime.combine(day(act, today), _PANORAMA)


def in_francs(act: Act) -> str:
    """Return the product of an order in francs: a train with few seats, or a card."""
    if act.scarce is not None:
        return "gotthard_panorama"
    return "nova_zurichcard72" if act.flexible else "nova_zurichcard24"


def item(act: Act, today: date, travellers: list[Json]) -> Json:
    """Return an item as discover.swiss's clients send it."""
    who = [
        {"identifier": each["id"], "birthDate": BORN, "givenName": each["given_name"], "familyName": "Li"}
        for each in travellers
    ]
    product = {"identifier": in_francs(act)}
    wanted = {"product": product, "validFrom": departure(act, today).isoformat(), "traveler": who}
    return {"orderQuantity": 1, "orderedItem": wanted}


def person(identity: str) -> Json:
    """Return everything known of a traveller."""
    name = NAMES[int(identity.removeprefix("p"))]
    return {"id": identity, "given_name": name, "family_name": "Li", "birth_date": BORN}


def people(party: int) -> list[Json]:
    """Return a party."""
    return [person(f"p{number}") for number in range(party)]


def newcomers(order: Json, party: int) -> list[Json]:
    """Return people who are not on an order yet, as far as there is room for them."""
    aboard = {each["id"] for each in order["travellers"]}
    free = [f"p{number}" for number in range(len(NAMES)) if f"p{number}" not in aboard]
    return [person(each) for each in free[: max(min(party, MAX_ABOARD - len(aboard)), 0)]]
