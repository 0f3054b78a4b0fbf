"""A fake bank: authorises, captures, voids and refunds payments, each request once per key."""

import threading
from dataclasses import dataclass, field

from domain.settlement import Move, MoveKind

DECLINE = "tok_decline"
REFUSE_CAPTURE = "tok_refuse_capture"
REFUSE_REFUND = "tok_refuse_refund"


class BankRefusalError(Exception):
    """The bank refuses; the text is its error code. A declined refund names the payment it is of."""

    def __init__(self, code: str, payment: str | None = None) -> None:
        super().__init__(code)
        self.payment = payment


class NotPossibleError(Exception):
    """The request is impossible, such as a capture of more than is authorised."""


@dataclass
class Account:
    """One authorisation and its state; amounts are in minor units."""

    minor: int = 0
    currency: str = ""
    token: str = ""
    captured: int = 0
    refunded: int = 0
    voided: bool = False


@dataclass
class Bank:
    """Keeps accounts in memory. A key that is voided before it is used is kept too, so it can authorise nothing."""

    accounts: dict[str, Account] = field(default_factory=dict)
    settled: dict[str, list[Move]] = field(default_factory=dict)
    refused: dict[str, BankRefusalError] = field(default_factory=dict)
    """The settlements that were refused, by key: the same key is refused again."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def authorise(self, key: str, minor: int, currency: str, token: str) -> str:
        """Authorise an amount in minor units under a key; return a reference."""
        with self._lock:
            if token == DECLINE or (key in self.accounts and self.accounts[key].voided):
                raise BankRefusalError("declined")
            self.accounts.setdefault(key, Account(minor, currency, token))
            return f"elsewhere:{key}"

    def void(self, key: str) -> None:
        """Void an authorisation; from then on the key can authorise nothing."""
        with self._lock:
            self.accounts.setdefault(key, Account()).voided = True

    def settle(self, key: str, moves: list[Move]) -> None:
        """Make all moves or none, once per key."""
        with self._lock:
            if key in self.settled:
                return
            if key in self.refused:
                raise self.refused[key]
            try:
                for move in moves:
                    self._check(move)
            except BankRefusalError as refusal:
                self.refused[key] = refusal
                raise
            for move in moves:
                self._apply(move)
            self.settled[key] = moves

    def _check(self, move: Move) -> None:
        account = self.accounts.get(move.payment)
        if account is None or (move.amount.currency != account.currency and not account.voided):
            raise NotPossibleError
        match move.kind:
            case MoveKind.CAPTURE if account.voided or account.token == REFUSE_CAPTURE:
                raise BankRefusalError("declined")
            case MoveKind.CAPTURE if account.captured + move.amount.minor > account.minor:
                raise NotPossibleError
            case MoveKind.REFUND if account.token == REFUSE_REFUND:
                raise BankRefusalError("refund_declined", move.payment)
            case MoveKind.REFUND if account.refunded + move.amount.minor > account.captured:
                raise NotPossibleError

    def _apply(self, move: Move) -> None:
        account = self.accounts[move.payment]
        match move.kind:
            case MoveKind.CAPTURE:
                account.captured += move.amount.minor
            case MoveKind.REFUND:
                account.refunded += move.amount.minor
            case MoveKind.VOID:
                account.voided = True
