"""Railways, and adapters to one, that each break a law; named after the law that catches them."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from examples.fake_systems.railway import Hold, Place, Railway, RailwayRefusalError
from examples.providers.railway_seats import RailwaySeats
from providers.errors import HoldIsGoneError, NoSeatsLeftError, NoSuchSeatError, ProviderUnavailableError
from providers.protocols import HeldSeat, SeatRequest


class AnswersInAnOrderOfItsOwn(RailwaySeats):
    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        return sorted(super().hold(tenant, key, requests, until), key=lambda seat: seat.service)


class HoldsEachTime(RailwaySeats):
    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        return super().hold(tenant, f"{uuid.uuid4()}", requests, until)


class SellsTwice(Railway):
    def _free(self, service: str, but: list[Place]) -> list[Place]:
        return [place for place in self.seats.get(service, []) if place not in but]


class HoldsWhatItCan(Railway):
    def hold(self, key: str, wanted: Sequence[tuple[str, int, list[str]]], until: datetime) -> list[Hold]:
        return [held for each in wanted for held in super(HoldsWhatItCan, self).hold(f"{key}{each[0]}", [each], until)]


class AnySeatWillDo(Railway):
    def _named(self, service: str, names: list[str], but: list[Place]) -> list[Place]:
        return self._any(service, len(names), but)


class CallsEverythingSoldOut(RailwaySeats):
    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        try:
            return super().hold(tenant, key, requests, until)
        except NoSuchSeatError:
            raise NoSeatsLeftError from None


class WordyReferences(RailwaySeats):
    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        held = super().hold(tenant, key, requests, until)
        return [HeldSeat(each.reference + "x" * 100, each.service, each.coach, each.seat) for each in held]


class ReleasesEverybodys(Railway):
    def release(self, key: str) -> None:
        super().release(key)
        self.holds.clear()


class MissesWhatIsFree(Railway):
    def release_references(self, references: list[str]) -> None:
        self._all_there(references)
        super().release_references(references)


class HoldsForEver(Railway):
    def _held(self, key: str, place: Place, until: datetime) -> Hold:
        hold = super()._held(key, place, until)
        hold.until = None
        return hold


class Shortens(Railway):
    def extend(self, references: list[str], until: datetime) -> None:
        super().extend(references, until)
        for reference in references:
            self.holds[reference].until = until


class MindsNoGoneHold(RailwaySeats):
    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> None:
        try:
            super().extend(tenant, references, until)
        except HoldIsGoneError:
            return


class SellsForAWhile(Railway):
    def sell(self, taken: list[str], given_up: list[str]) -> None:
        self._all_there(taken)
        self._forget(given_up)


class SaysItIsEmbedded(RailwaySeats):
    external = False


class NoTombstone(Railway):
    def release(self, key: str) -> None:
        super().release(key)
        self.released.clear()


class TakesTroubleForSoldOut(RailwaySeats):
    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        try:
            return super().hold(tenant, key, requests, until)
        except ProviderUnavailableError:
            raise NoSeatsLeftError from None


class GivesBackQuietly(RailwaySeats):
    def release_references(self, tenant: str, references: Sequence[str]) -> None:
        try:
            super().release_references(tenant, references)
        except ProviderUnavailableError:
            return


class RefusesWhatItSold(Railway):
    """Asked again for a sale, it finds that the seats given up are gone."""

    def sell(self, taken: list[str], given_up: list[str]) -> None:
        self._all_there(taken)
        if not set(given_up) <= set(self.holds):
            raise RailwayRefusalError("gone")
        super().sell(taken, given_up)
