"""Fake railways and seat inventories that each violate the contract in one way, named after the violation."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from examples.fake_systems.railway import Hold, Place, Railway, RailwayRefusalError
from examples.providers.railway_seats import RailwaySeats
from providers.errors import HoldIsGoneError, NoSeatsLeftError, NoSuchSeatError, ProviderUnavailableError
from providers.protocols import HeldSeat, SeatRequest


class ReordersSeats(RailwaySeats):
    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        return sorted(super().hold(tenant, key, requests, until), key=lambda seat: seat.service)


class HoldsEachTime(RailwaySeats):
    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        return super().hold(tenant, f"{uuid.uuid4()}", requests, until)


class SellsTwice(Railway):
    def _free(self, service: str, but: list[Place]) -> list[Place]:
        return [place for place in self.seats.get(service, []) if place not in but]


class HoldsPartially(Railway):
    def hold(self, key: str, requests: Sequence[tuple[str, int, list[str]]], until: datetime) -> list[Hold]:
        return [
            held for each in requests for held in super(HoldsPartially, self).hold(f"{key}{each[0]}", [each], until)
        ]


class IgnoresSeatNames(Railway):
    def _named(self, service: str, names: list[str], but: list[Place]) -> list[Place]:
        return self._any(service, len(names), but)


class CallsEverythingSoldOut(RailwaySeats):
    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        try:
            return super().hold(tenant, key, requests, until)
        except NoSuchSeatError:
            raise NoSeatsLeftError from None


class LongReferences(RailwaySeats):
    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        held = super().hold(tenant, key, requests, until)
        return [HeldSeat(each.reference + "x" * 100, each.service, each.coach, each.seat) for each in held]


class ReleasesAllKeys(Railway):
    def release(self, key: str) -> None:
        super().release(key)
        self.holds.clear()


class RefusesFreeSeats(Railway):
    def release_references(self, references: list[str]) -> None:
        self._check_held(references)
        super().release_references(references)


class NeverExpires(Railway):
    def _held(self, key: str, place: Place, until: datetime) -> Hold:
        hold = super()._held(key, place, until)
        hold.until = None
        return hold


class Shortens(Railway):
    def extend(self, references: list[str], until: datetime) -> None:
        super().extend(references, until)
        for reference in references:
            self.holds[reference].until = until


class IgnoresReleasedHolds(RailwaySeats):
    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> None:
        try:
            super().extend(tenant, references, until)
        except HoldIsGoneError:
            return


class ForgetsSoldSeats(Railway):
    def sell(self, taken: list[str], given_up: list[str]) -> None:
        self._check_held(taken)
        self._free_seats(given_up)


class ClaimsToBeEmbedded(RailwaySeats):
    external = False


class NoTombstone(Railway):
    def release(self, key: str) -> None:
        super().release(key)
        self.released.clear()


class SoldOutWhenUnavailable(RailwaySeats):
    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        try:
            return super().hold(tenant, key, requests, until)
        except ProviderUnavailableError:
            raise NoSeatsLeftError from None


class IgnoresFailedReleases(RailwaySeats):
    def release_references(self, tenant: str, references: Sequence[str]) -> None:
        try:
            super().release_references(tenant, references)
        except ProviderUnavailableError:
            return


class RefusesRepeatedSales(Railway):
    """Refuses a repeated sale, because the seats given up are no longer held."""

    def sell(self, taken: list[str], given_up: list[str]) -> None:
        self._check_held(taken)
        if not set(given_up) <= set(self.holds):
            raise RailwayRefusalError("gone")
        super().sell(taken, given_up)
