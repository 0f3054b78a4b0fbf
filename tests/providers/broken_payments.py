"""Fake banks and payment providers that each violate the contract in one way, named after the violation."""

import uuid
from collections.abc import Sequence

import httpx2

from domain.money import Money
from domain.settlement import Move, MoveKind
from examples.fake_systems.bank import Account, Bank
from examples.providers.bank_payments import BankPayments, BankSettings
from providers.errors import PaymentDeclinedError, ProviderError, ProviderUnavailableError, RefundDeclinedError


class AuthorisesEachTime(BankPayments):
    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> str:
        return super().authorise(tenant, f"{uuid.uuid4()}", amount, method, token)


class LongReference(BankPayments):
    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> str:
        return super().authorise(tenant, key, amount, method, token) + "x" * 100


class DeclinesOnce(Bank):
    def authorise(self, key: str, minor: int, currency: str, token: str) -> str:
        known = key in self.accounts
        self.accounts.setdefault(key, Account(minor, currency, token))
        return super().authorise(key, minor, currency, "tok_ok" if known else token)


class ForgetsVoids(Bank):
    def void(self, key: str) -> None:
        pass

    def _apply(self, move: Move) -> None:
        if move.kind is not MoveKind.VOID:
            super()._apply(move)


class VoidsOthersToo(Bank):
    def void(self, key: str) -> None:
        for each in [key, *self.accounts]:
            super().void(each)


class CapturesTooMuch(Bank):
    """Captures and refunds more than there is."""

    def _check(self, move: Move) -> None:
        if move.payment not in self.accounts:
            super()._check(move)


class RefundsTooMuch(Bank):
    def _check(self, move: Move) -> None:
        if move.kind is not MoveKind.REFUND:
            super()._check(move)


class SettlesMoveByMove(BankPayments):
    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        for number, move in enumerate(moves):
            super().settle(tenant, f"{key}/{number}", [move])


class TakesAnyCurrency(Bank):
    def _check(self, move: Move) -> None:
        account = self.accounts[move.payment]
        same = move.model_copy(update={"amount": Money(move.amount.minor, account.currency)})
        super()._check(same)


class CallsEveryRefusalDeclined(BankPayments):
    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        try:
            super().settle(tenant, key, moves)
        except RefundDeclinedError:
            raise PaymentDeclinedError from None


class NamesAnotherPayment(BankPayments):
    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        try:
            super().settle(tenant, key, moves)
        except RefundDeclinedError:
            raise RefundDeclinedError(moves[0].payment) from None


class RefundsUntilOneIsDeclined(Bank):
    """Makes the moves before the one that it declines."""

    def _check(self, move: Move) -> None:
        super()._check(move)
        if move.kind is MoveKind.REFUND:
            self._apply(move)


class ForgetsRefusals(Bank):
    def settle(self, key: str, moves: list[Move]) -> None:
        self.refused.clear()
        super().settle(key, moves)


class LeaksTheToken(BankPayments):
    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> str:
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


class SettlesEachTime(BankPayments):
    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        super().settle(tenant, f"{uuid.uuid4()}", moves)


class RefusesWhenUnavailable(BankPayments):
    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> str:
        try:
            return super().authorise(tenant, key, amount, method, token)
        except ProviderError:
            raise PaymentDeclinedError from None


class TrustsEveryResponse(BankPayments):
    def settle(self, tenant: str, key: str, moves: Sequence[Move]) -> None:
        try:
            super().settle(tenant, key, moves)
        except ProviderUnavailableError as error:
            if "200" not in str(error):
                raise


class NeverTimesOut(BankPayments):
    def __init__(self, settings: BankSettings | None = None) -> None:
        super().__init__(settings)
        self._http.timeout = httpx2.Timeout(None)


class IgnoresFailedVoids(BankPayments):
    def void(self, tenant: str, key: str) -> None:
        try:
            super().void(tenant, key)
        except ProviderUnavailableError:
            return
