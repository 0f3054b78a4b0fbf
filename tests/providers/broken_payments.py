"""Fake banks and payment providers that each violate the contract in one way, named after the violation."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2

from domain.money import Money
from examples.fake_systems.bank import ACTION_REQUIRED, NOTHING, Bank, BankRefusalError, FoundKey
from examples.fake_systems.bank_book import BookedMovement
from examples.providers.bank_payments import BankPayments, BankSettings
from providers.errors import (
    ActionRequiredError,
    PaymentDeclinedError,
    ProviderError,
    ProviderUnavailableError,
    RefundDeclinedError,
)
from providers.protocols import Authorised, Found, FoundState, Movement, RefundState
from store.database.store import utc_now

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class AuthorisesEachTime(BankPayments):
    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        return super().authorise(tenant, f"{uuid.uuid4()}", amount, method, token)


class LongReference(BankPayments):
    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        return Authorised("x" * 101)


class EndsLaterEachTime(BankPayments):
    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        return replace(super().authorise(tenant, key, amount, method, token), expires_at=utc_now() + timedelta(days=7))


class HasEndedAlready(BankPayments):
    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        return replace(super().authorise(tenant, key, amount, method, token), expires_at=LONG_AGO)


class DeclinesOnce(Bank):
    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def authorise(self, key: str, minor: int, currency: str, token: str) -> str:
        known = key in self._seen
        self._seen.add(key)
        return super().authorise(key, minor, currency, "tok_ok" if known else token)


class VoidsOthersToo(Bank):
    def void(self, key: str) -> None:
        for each in [key, *self.accounts]:
            super().void(each)


class LeaksTheToken(BankPayments):
    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        try:
            return super().authorise(tenant, key, amount, method, token)
        except PaymentDeclinedError:
            raise PaymentDeclinedError(f"{token} was declined") from None


class ClaimsToBeEmbedded(BankPayments):
    external = False


class NoTombstone(Bank):
    def void(self, key: str) -> None:
        if key in self.accounts:
            super().void(key)


class RefusesWhenUnavailable(BankPayments):
    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        try:
            return super().authorise(tenant, key, amount, method, token)
        except ProviderError:
            raise PaymentDeclinedError from None


class NeverTimesOut(BankPayments):
    def __init__(self, settings: BankSettings | None = None) -> None:
        super().__init__(settings)
        self._http.timeout = httpx2.Timeout(None)


class ListsTheNewestFirst(Bank):
    def movements(self, after: int = 0, payment: str | None = None, limit: int = -1) -> list[BookedMovement]:
        return super().movements(after, payment, limit)[::-1]


class ListsNoEnds(Bank):
    def movements(self, after: int = 0, payment: str | None = None, limit: int = -1) -> list[BookedMovement]:
        return self.book.movements(after, payment, limit)


class ListsOthersToo(BankPayments):
    def movements_of(self, tenant: str, payment: str) -> Sequence[Movement]:
        return super().movements(tenant, None).movements


class EmptyWhenUnavailable(BankPayments):
    def movements_of(self, tenant: str, payment: str) -> Sequence[Movement]:
        try:
            return super().movements_of(tenant, payment)
        except ProviderUnavailableError:
            return []


class ForgetsVoids(Bank):
    def void(self, key: str) -> None:
        pass


class LongCaptureReference(BankPayments):
    def capture(self, tenant: str, key: str, reference: str, amount: Money) -> str:
        super().capture(tenant, key, reference, amount)
        return "x" * 101


class CapturesTooMuch(Bank):
    def _check_capture(self, key: str, payment: str, minor: int, currency: str) -> None:
        account = self.accounts[payment]
        super()._check_capture(key, payment, min(minor, account.minor), currency)


class RefundsTooMuch(Bank):
    def _check_refund(self, key: str, payment: str, minor: int, currency: str) -> str:
        return "done"


class TakesAnyCurrency(Bank):
    def capture(self, key: str, reference: str, minor: int, currency: str) -> str:
        account = self.accounts.get(reference.removeprefix("elsewhere:"))
        return super().capture(key, reference, minor, account.currency if account else currency)


class CallsEveryRefusalDeclined(BankPayments):
    def refund(self, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
        try:
            return super().refund(tenant, key, capture, amount)
        except RefundDeclinedError:
            raise PaymentDeclinedError from None


class RefundsTheNextAfterADecline(Bank):
    """Pays what one card declines back to the card before it, unasked."""

    def refund(self, key: str, capture: str, minor: int, currency: str) -> str:
        try:
            return super().refund(key, capture, minor, currency)
        except BankRefusalError:
            first = next(each for each in self.book.requests().values() if each.kind == "capture")
            self.book.add(f"{key}/elsewhere", "refund", first.payment, minor, currency)
            for account in self.accounts:
                self.book.add(f"{key}/{account}", "refund", account, minor, currency)
            raise


class FindsEverythingAuthorised(BankPayments):
    def find(self, tenant: str, key: str, token: str | None = None) -> Found:
        found = super().find(tenant, key)
        return replace(found, state=FoundState.AUTHORISED) if found.state is FoundState.CAPTURED else found


class FindsByPaymentOnly(Bank):
    """Knows no keys of captures and refunds, and takes that for nothing."""

    def find(self, key: str) -> FoundKey:
        return super().find(key) if key in self.accounts else NOTHING


class FindsWhatItRefused(Bank):
    def find(self, key: str) -> FoundKey:
        request = self.book.request(key)
        return (
            FoundKey("captured", 100, "NOK", "refused")
            if request and request.state == "declined"
            else super().find(key)
        )


class CallsTheEndOfAnAuthorisationDeclined(Bank):
    def _check_capture(self, key: str, payment: str, minor: int, currency: str) -> None:
        try:
            super()._check_capture(key, payment, minor, currency)
        except BankRefusalError:
            raise BankRefusalError("declined") from None


class CallsPendingDone(BankPayments):
    def refund(self, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
        super().refund(tenant, key, capture, amount)
        return RefundState.DONE


class CallsActionRequiredDeclined(BankPayments):
    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        try:
            return super().authorise(tenant, key, amount, method, token)
        except ActionRequiredError:
            raise PaymentDeclinedError from None


class NamesTheTokenToContinueWith(BankPayments):
    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        try:
            return super().authorise(tenant, key, amount, method, token)
        except ActionRequiredError:
            raise ActionRequiredError(token) from None


class AuthorisesBeforeItsPayerActs(Bank):
    def authorise(self, key: str, minor: int, currency: str, token: str) -> str:
        if token == ACTION_REQUIRED:
            super().authorise(key, minor, currency, "tok_ok")
        return super().authorise(key, minor, currency, token)


class ForgetsRefusals(Bank):
    def _refuse(self, key: str, kind: str, payment: str, code: str) -> BankRefusalError:
        return BankRefusalError(code)


class CapturesEachTime(BankPayments):
    """Sends no key of ours."""

    def capture(self, tenant: str, key: str, reference: str, amount: Money) -> str:
        return super().capture(tenant, f"{uuid.uuid4()}", reference, amount)


class RefundsEachTime(BankPayments):
    def refund(self, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
        return super().refund(tenant, f"{uuid.uuid4()}", capture, amount)


class CapturesOneOfTwo(BankPayments):
    """Takes a key that it has sent before for one that is captured."""

    def __init__(self, settings: BankSettings | None = None) -> None:
        super().__init__(settings)
        self._sent: set[str] = set()

    def capture(self, tenant: str, key: str, reference: str, amount: Money) -> str:
        if key in self._sent:
            return f"capture:{key}"
        self._sent.add(key)
        return super().capture(tenant, key, reference, amount)


class TrustsEveryResponse(BankPayments):
    def capture(self, tenant: str, key: str, reference: str, amount: Money) -> str:
        try:
            return super().capture(tenant, key, reference, amount)
        except ProviderUnavailableError:
            return f"capture:{key}"


class RefundsWhatItWasNotAnswered(BankPayments):
    def refund(self, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
        try:
            return super().refund(tenant, key, capture, amount)
        except ProviderUnavailableError:
            return RefundState.DONE


class IgnoresFailedVoids(BankPayments):
    def void(self, tenant: str, key: str, reference: str | None, token: str | None = None) -> None:
        try:
            super().void(tenant, key, reference)
        except ProviderUnavailableError:
            return


class FindsNothingWhenUnavailable(BankPayments):
    def find(self, tenant: str, key: str, token: str | None = None) -> Found:
        try:
            return super().find(tenant, key)
        except ProviderUnavailableError:
            return Found(FoundState.NOTHING)


class ListsEveryAttempt(Bank):
    def authorise(self, key: str, minor: int, currency: str, token: str) -> str:
        known = key in self.accounts
        reference = super().authorise(key, minor, currency, token)
        if known:
            self.book.add(key, "authorise", key, 0, currency)
        return reference


class ListsWhatWasDeclined(Bank):
    def authorise(self, key: str, minor: int, currency: str, token: str) -> str:
        try:
            return super().authorise(key, minor, currency, token)
        except BankRefusalError:
            self.book.add(key, "authorise", key, minor, currency)
            raise
