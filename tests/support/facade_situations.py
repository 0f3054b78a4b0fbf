"""A railway that answers wrong seats or is down, as clients of the two façades see it."""

import asyncio

import httpx2

from providers.contracts import Trouble
from tests.support.canary import ADULT, CHILD
from tests.support.discover_client import JHON, DiscoverClient, item
from tests.support.entur_client import EnturClient
from tests.support.situation_play import OLD, Play, UnexpectedError
from tests.support.situations import FOREVER, WRONG, Situation
from tests.support.wire import Fault, Rewritten
from tests.support.world import Answer

FAULTS: dict[str, Fault] = {
    "another service, at every attempt": Rewritten(WRONG["another service"]),
    "down": Trouble.DOWN,
}


async def _entur(play: Play, fault: Fault) -> None:
    """Reserve another offer through Entur's API."""
    await play.prepare(ADULT)
    entur = EnturClient(play.served.world)
    offer = await entur.offer("standard", CHILD, service=play.trains[1])
    play.arm("hold", fault, FOREVER)
    answer = await entur.reserve({"offerId": offer}, order=play.order)
    _see(play, answer, "application/json", answer.body.get("exception"))


async def _discover(play: Play, fault: Fault) -> None:
    """Add an item with a seat through discover.swiss's API."""
    client = DiscoverClient(play.served.world)
    product, service, departs = await asyncio.to_thread(client.panorama)
    body = {"coaches": 1, "seats_per_coach": 8}
    async with httpx2.AsyncClient(base_url=play.served.railway.url, timeout=30) as railway:
        (await railway.put(f"/departures/{service}", json=body)).raise_for_status()
    play.served.to_railway.name(service, play.name)
    play.order = await play.served.world.order("CHF")
    await play.note()
    play.arm("hold", fault, FOREVER)
    answer = await client.add(play.order, item(product, JHON, valid_from=departs))
    _see(play, answer, "application/problem+json", answer.code)


def _see(play: Play, answer: Answer, media: str, code: object) -> None:
    """See that an answer says that the provider is unavailable, in its façade's own form, and when to try again."""
    play.client.append(f"{answer.status} {code}")
    seen = (answer.status, code, answer.headers.get("content-type"), answer.headers.get("Retry-After", "").isdecimal())
    if seen != (503, "PROVIDER_UNAVAILABLE", media, True):
        raise UnexpectedError(f"{seen}: {answer.body}")


def facades() -> list[Situation]:
    """Return each fault through each façade: nothing is sold."""
    clients = {"Entur": _entur, "discover.swiss": _discover}

    def situation(name: str, which: str) -> Situation:
        async def played(play: Play) -> None:
            await clients[which](play, FAULTS[name])

        return Situation(f"{name}, through {which}", "hold", played, OLD)

    return [situation(name, which) for name in FAULTS for which in clients]
