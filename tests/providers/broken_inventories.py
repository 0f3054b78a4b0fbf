"""Fake railways and inventories that each violate the contract in one way, named after the violation."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from examples.fake_systems.railway import Hold, Place, Railway, RailwayRefusalError, Seats, Units
from examples.providers.railway_inventory import RailwayInventory
from providers.errors import (
    HoldCostsMoneyError,
    HoldIsGoneError,
    NoSeatsLeftError,
    NoStockLeftError,
    NoSuchSeatError,
    ProviderUnavailableError,
)
from providers.protocols import ActState, BookedPlace, FoundHold, Held, HeldSeat, HoldRequest, HoldState

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class ReordersSeats(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        return sorted(super().hold(tenant, key, requests, until), key=lambda each: each.service or "")


class HoldsEachTime(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        return super().hold(tenant, f"{uuid.uuid4()}", requests, until)


class ReordersUnits(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        return sorted(super().hold(tenant, key, requests, until), key=lambda each: not isinstance(each, HeldSeat))


class SellsTwice(Railway):
    def _free(self, places: list[Place], but: list[Place], own: Sequence[str] = ()) -> list[Place]:
        return [place for place in places if place not in but]


class SellsUnitsTwice(Railway):
    def _free(self, places: list[Place], but: list[Place], own: Sequence[str] = ()) -> list[Place]:
        if places and isinstance(places[0][1], str):
            return places
        return super()._free(places, but, own)


class HoldsPartially(Railway):
    def hold(self, key: str, requests: Sequence[Seats | Units], until: datetime) -> list[Hold]:
        return [held for each in requests for held in super(HoldsPartially, self).hold(f"{key}{each}", [each], until)]


class HoldsSeatsWithoutTheirUnits(Railway):
    def hold(self, key: str, requests: Sequence[Seats | Units], until: datetime) -> list[Hold]:
        seats = [each for each in requests if isinstance(each, Seats)]
        units = [each for each in requests if isinstance(each, Units)]
        held = super().hold(f"{key}-seats", seats, until) if seats else []
        return held + (super().hold(f"{key}-units", units, until) if units else [])


class IgnoresSeatNames(Railway):
    def _named(self, seats: Seats, but: list[Place]) -> list[Place]:
        return self._choose(Seats(seats.service, len(seats.names)), but)


class DoesNotSayWhatIsSoldOut(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        try:
            return super().hold(tenant, key, requests, until)
        except NoStockLeftError:
            raise NoStockLeftError("something") from None


class CallsEverythingSoldOut(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        try:
            return super().hold(tenant, key, requests, until)
        except NoSuchSeatError:
            raise NoSeatsLeftError from None


class LongReferences(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        held = super().hold(tenant, key, requests, until)
        return [replace(each, reference=each.reference + "x" * 100) for each in held]


class ReleasesAllKeys(Railway):
    def release(self, key: str) -> bool:
        self.holds.clear()
        return super().release(key)


class RefusesFreeSeats(Railway):
    def release_references(self, references: list[str]) -> bool:
        self._check_held(references)
        return super().release_references(references)


class NeverExpires(Railway):
    def _held(self, key: str, place: Place, requested: Seats | Units, until: datetime) -> Hold:
        hold = super()._held(key, place, requested, until)
        hold.until = None
        return hold


class Shortens(Railway):
    def extend(self, references: list[str], until: datetime) -> datetime | None:
        super().extend(references, until)
        for reference in references:
            self.holds[reference].until = until
        return until


class HoldsForTenMinutes(Railway):
    def _allowed(self, until: datetime) -> datetime:
        return min(until, self.now() + timedelta(minutes=10))


class EndsBeforeItSays(HoldsForTenMinutes):
    def extend(self, references: list[str], until: datetime) -> datetime | None:
        answered = super().extend(references, until)
        for reference in references:
            self.holds[reference].until = self.now() + timedelta(minutes=1)
        return answered


class HoldsLongerThanItSays(HoldsForTenMinutes):
    def extend(self, references: list[str], until: datetime) -> datetime | None:
        answered = super().extend(references, until)
        for reference in references:
            self.holds[reference].until = until
        return answered


class AnswersAnEarlierTime(RailwayInventory):
    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> datetime | None:
        super().extend(tenant, references, until)
        return LONG_AGO


class IgnoresReleasedHolds(RailwayInventory):
    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> datetime | None:
        try:
            return super().extend(tenant, references, until)
        except HoldIsGoneError:
            return None


class ForgetsSoldSeats(Railway):
    def sell(self, taken: list[str], given_up: list[str]) -> bool:
        self._check_held(taken)
        self._free_up(given_up)
        return True


class ClaimsToBeEmbedded(RailwayInventory):
    external = False


class NoTombstone(Railway):
    def release(self, key: str) -> bool:
        done = super().release(key)
        self.released.clear()
        return done


class SoldOutWhenUnavailable(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        try:
            return super().hold(tenant, key, requests, until)
        except ProviderUnavailableError:
            raise NoSeatsLeftError from None


class IgnoresFailedReleases(RailwayInventory):
    def release_references(self, tenant: str, references: Sequence[str]) -> ActState:
        try:
            return super().release_references(tenant, references)
        except ProviderUnavailableError:
            return ActState.DONE


class RefusesRepeatedSales(Railway):
    """Refuses a repeated sale, because the seats given up are no longer held."""

    def sell(self, taken: list[str], given_up: list[str]) -> bool:
        self._check_held(taken)
        if not set(given_up) <= set(self.holds):
            raise RailwayRefusalError("gone")
        return super().sell(taken, given_up)


class CallsAcceptedDone(RailwayInventory):
    """Takes 202 for done."""

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> ActState:
        super().confirm(tenant, key, taken, given_up)
        return ActState.DONE

    def release(self, tenant: str, key: str) -> ActState:
        super().release(tenant, key)
        return ActState.DONE


class PaysAnyPrice(Railway):
    """Agrees to each price by itself."""

    def extend(self, references: list[str], until: datetime) -> datetime | None:
        self.extension_price = None
        return super().extend(references, until)


class CallsAPriceAnOutage(RailwayInventory):
    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> datetime | None:
        try:
            return super().extend(tenant, references, until)
        except HoldCostsMoneyError:
            raise ProviderUnavailableError from None


class ExtendsAndThenNamesThePrice(Railway):
    def extend(self, references: list[str], until: datetime) -> datetime | None:
        price, self.extension_price = self.extension_price, None
        answered = super().extend(references, until)
        self.extension_price = price
        if price:
            raise RailwayRefusalError("costs_money", price=price)
        return answered


class CallsEverythingPending(RailwayInventory):
    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> ActState:
        super().confirm(tenant, key, taken, given_up)
        return ActState.PENDING

    def release(self, tenant: str, key: str) -> ActState:
        super().release(tenant, key)
        return ActState.PENDING


class LetsGoOfWhatItIsSelling(Railway):
    def sell(self, taken: list[str], given_up: list[str]) -> bool:
        done = super().sell(taken, given_up)
        self.selling.clear()
        return done


class MayHoldWhileItReleases(Railway):
    """Forgets that a key was released as soon as that is done."""

    def release(self, key: str) -> bool:
        done = super().release(key)
        if done:
            self.released.clear()
            self.used.clear()
        return done


class CountsHeldAsFree(Railway):
    def free(self, requests: Sequence[Seats | Units], own: Sequence[str]) -> list[int | None]:
        return super().free(requests, [*own, *self.holds])


class ForgetsOwnHolds(Railway):
    def free(self, requests: Sequence[Seats | Units], own: Sequence[str]) -> list[int | None]:
        return super().free(requests, [])


class TakesUnknownForSoldOut(RailwayInventory):
    def free(self, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str]) -> list[int | None]:
        return [count or 0 for count in super().free(tenant, requests, own)]


class SoldOutWhenItDoesNotAnswer(RailwayInventory):
    def free(self, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str]) -> list[int | None]:
        try:
            return super().free(tenant, requests, own)
        except ProviderUnavailableError:
            return [0 for _ in requests]


class Lies(Railway):
    """Does what is requested and answers something else."""

    def hold(self, key: str, requests: Sequence[Seats | Units], until: datetime) -> list[Hold]:
        return self._lie([replace(each) for each in super().hold(key, requests, until)])

    def _lie(self, holds: list[Hold]) -> list[Hold]:
        raise NotImplementedError


class AnswersAnotherService(Lies):
    def _lie(self, holds: list[Hold]) -> list[Hold]:
        holds[0].place = ("elsewhere", *holds[0].place[1:])
        return holds


class AnswersNoSeats(Lies):
    def _lie(self, holds: list[Hold]) -> list[Hold]:
        return []


class AnswersFewerSeats(Lies):
    def _lie(self, holds: list[Hold]) -> list[Hold]:
        return holds[:-1]


class AnswersNegativeSeats(Lies):
    def _lie(self, holds: list[Hold]) -> list[Hold]:
        holds[0].place = (*holds[0].place[:2], -5)
        return holds


class AnswersASeatTwice(Lies):
    def _lie(self, holds: list[Hold]) -> list[Hold]:
        for each in holds[1:2]:
            each.place = holds[0].place
        return holds


class AnswersSeatsAsText(Lies):
    def _lie(self, holds: list[Hold]) -> list[Hold]:
        holds[0].place = (*holds[0].place[:2], str(holds[0].place[2]))  # type: ignore[assignment] # the lie
        return holds


class AnswersSeatsOfOthers(Lies):
    first: Hold | None = None

    def _lie(self, holds: list[Hold]) -> list[Hold]:
        if len(holds) > 1:
            self.first = self.first or holds[0]
            holds[0].place = self.first.place
        return holds


class FindsNothing(RailwayInventory):
    def find(self, tenant: str, key: str) -> FoundHold:
        return FoundHold(HoldState.NOTHING)


class FindsTheWrongWayRound(Railway):
    def find(self, key: str) -> tuple[str, list[Hold]]:
        state, holds = super().find(key)
        return state, holds[::-1]


class FindsWhatWasReleased(Railway):
    seen: tuple[Hold, ...] = ()

    def find(self, key: str) -> tuple[str, list[Hold]]:
        state, holds = super().find(key)
        self.seen = tuple(holds) or self.seen
        return (state, holds) if holds or state == "nothing" else ("held", list(self.seen))


class FindsSoldAsHeld(Railway):
    def find(self, key: str) -> tuple[str, list[Hold]]:
        state, holds = super().find(key)
        return "held" if state == "sold" else state, holds


class GivesThePlacesOfOthersAgain(Railway):
    """Gives a key whose hold has ended what it had before, also when another has it now."""

    def hold(self, key: str, requests: Sequence[Seats | Units], until: datetime) -> list[Hold]:
        before: dict[str, Place] = vars(self).setdefault("before", {})
        if key in before:
            return [self._held(key, before[key], requests[0], until)]
        held = super().hold(key, requests, until)
        before[key] = held[0].place
        return held


class TrustsEveryStatus(RailwayInventory):
    """Takes the status of a sale for its answer."""

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> ActState:
        body = {"taken": list(taken), "given_up": list(given_up)}
        self._send("PUT", tenant, f"sales/{key}", body)
        return ActState.DONE


class CallsAHalfSaleASale(RailwayInventory):
    """Sells in one request for each seat, and is content once one is sold."""

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> ActState:
        done: set[str] = vars(self).setdefault("done", set())
        if key in done:
            return ActState.DONE
        for number, reference in enumerate(taken):
            try:
                super().confirm(tenant, f"{key}/{number}", [reference], [] if number else given_up)
            except ProviderUnavailableError:
                if not number:
                    raise
            done.add(key)
        return ActState.DONE


class ListsTheFirstPageOnly(RailwayInventory):
    def held_by_us(self, tenant: str) -> Iterator[BookedPlace]:
        return islice(super().held_by_us(tenant), 100)


class ListsSoldAsHeld(RailwayInventory):
    def held_by_us(self, tenant: str) -> Iterator[BookedPlace]:
        return (replace(each, sold=False) for each in super().held_by_us(tenant))


class ListsWhatHasEnded(Railway):
    def _drop_expired(self) -> None:
        pass


class ListsNothingWhenUnavailable(RailwayInventory):
    def held_by_us(self, tenant: str) -> Iterator[BookedPlace]:
        with suppress(ProviderUnavailableError):
            yield from super().held_by_us(tenant)
