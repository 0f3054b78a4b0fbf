"""A fake bank: authorises, captures, voids and refunds payments, each request once per key.

Its book is an SQLite database, in a file or in memory. What a request changes is committed before the bank answers it,
so a bank that is killed knows afterwards whatever it has answered. It is a bank of one merchant.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from examples.fake_systems.bank_book import Account, BankBook, BookedMovement, Request
from store.database.store import utc_now

DECLINE = "tok_decline"
ACTION_REQUIRED = "tok_action_required"
"""Its authorisation needs its payer first."""
REFUSE_CAPTURE = "tok_refuse_capture"
REFUSE_REFUND = "tok_refuse_refund"
PENDING_REFUND = "tok_pending_refund"
"""Its refunds are accepted, and paid or failed later, when `end_refund` says so."""
AUTHORISE, CAPTURE, REFUND, VOID = "authorise", "capture", "refund", "void"
DONE, PENDING, FAILED = "done", "pending", "failed"


class BankRefusalError(Exception):
    """The bank refuses; the text is its error code: declined, action_required, ended or refund_declined."""

    def __init__(self, code: str, reference: str | None = None) -> None:
        super().__init__(code)
        self.reference = reference


class NotPossibleError(Exception):
    """The request is impossible, such as a capture of more than is authorised."""


@dataclass(frozen=True)
class FoundKey:
    """What the bank knows of a key; the amount is in minor units."""

    state: str
    minor: int = 0
    currency: str = ""
    reference: str | None = None
    expires_at: datetime | None = None
    refund: str | None = None


NOTHING = FoundKey("nothing")


def reference_of(key: str) -> str:
    """Return the bank's name for the authorisation under a key."""
    return f"elsewhere:{key}"


def capture_reference_of(key: str) -> str:
    """Return the bank's name for the capture under a key."""
    return f"capture:{key}"


@dataclass
class Bank:
    """Keeps a book of movements. A key that is voided before it is used is kept too, so it can authorise nothing."""

    path: Path | None = None
    """The file of the book; None keeps it in memory."""
    life: timedelta | None = None
    """How long an authorisation lasts; None: it does not end by itself."""
    now: Callable[[], datetime] = utc_now
    """Its clock."""
    book: BankBook = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.book = BankBook(self.path)

    @property
    def accounts(self) -> dict[str, Account]:
        """Every authorisation by its key, oldest first."""
        return self.book.accounts()

    def account(self, payment: str) -> Account | None:
        """Return the authorisation under a key; it takes no longer in a long book."""
        return self.book.account(payment)

    def movements(self, after: int = 0, payment: str | None = None, limit: int = -1) -> list[BookedMovement]:
        """Return the movements after a number, all or those of one payment; -1: without a limit.

        An authorisation that has ended by itself is booked as voided.
        """
        with self.book.writing(BankRefusalError):
            for key, account in self.book.ended(self.now()).items():
                self.book.add(f"{key}/ended", VOID, key, account.minor, account.currency)
        return self.book.movements(after, payment, limit)

    def authorise(self, key: str, minor: int, currency: str, token: str) -> str:
        """Authorise an amount in minor units under a key; return a reference."""
        with self.book.writing(BankRefusalError):
            account = self.account(key)
            if token == DECLINE or (account and account.voided):
                raise BankRefusalError("declined")
            if token == ACTION_REQUIRED:
                raise BankRefusalError("action_required", reference_of(key))
            if account is None:
                ends = self.now() + self.life if self.life else None
                self.book.add(key, AUTHORISE, key, minor, currency)
                self.book.add_card(key, token, ends)
            return reference_of(key)

    def void(self, key: str) -> None:
        """Void an authorisation; from then on the key can authorise nothing."""
        with self.book.writing(BankRefusalError):
            account = self.account(key)
            if account and account.captured:
                raise NotPossibleError
            if account is None or not account.voided:
                minor, currency = (account.minor, account.currency) if account else (0, "")
                self.book.add(f"{key}/void", VOID, key, minor, currency)

    def capture(self, key: str, reference: str, minor: int, currency: str) -> str:
        """Capture an amount of an authorisation, once per key; return a reference."""
        with self.book.writing(BankRefusalError):
            payment = reference.removeprefix(reference_of(""))
            if not self._is_known(key):
                self._check_capture(key, payment, minor, currency)
                self.book.add_request(Request(key, CAPTURE, payment, minor, currency, DONE))
                self.book.add(key, CAPTURE, payment, minor, currency)
            return capture_reference_of(key)

    def refund(self, key: str, capture: str, minor: int, currency: str) -> str:
        """Refund an amount of a capture, once per key; return whether it is done or pending."""
        with self.book.writing(BankRefusalError):
            captured = self.book.request(capture.removeprefix(capture_reference_of("")))
            if not self._is_known(key):
                if captured is None or captured.kind != CAPTURE or captured.state != DONE:
                    raise NotPossibleError
                state = self._check_refund(key, captured.payment, minor, currency)
                self.book.add_request(Request(key, REFUND, captured.payment, minor, currency, state))
                if state == DONE:
                    self.book.add(key, REFUND, captured.payment, minor, currency)
            request = self.book.request(key)
            return request.state if request else DONE

    def end_refund(self, key: str, *, paid: bool) -> None:
        """Pay a pending refund, or let it fail."""
        with self.book.writing(BankRefusalError):
            request = self.book.request(key)
            if request is None or request.state != PENDING:
                raise NotPossibleError
            self.book.set_state(key, DONE if paid else FAILED)
            if paid:
                self.book.add(key, REFUND, request.payment, request.minor, request.currency)

    def find(self, key: str) -> FoundKey:
        """Return what was done under a key."""
        request = self.book.request(key)
        if request is not None:
            return _found_request(request)
        account = self.account(key)
        if account is None:
            return NOTHING
        if account.captured:
            capture = self.book.capture_of(key)
            reference = capture_reference_of(capture) if capture else None
            return FoundKey("captured", account.captured, account.currency, reference)
        state = "voided" if account.voided or account.has_ended(self.now()) else "authorised"
        return FoundKey(state, account.minor, account.currency, reference_of(key), account.expires_at)

    def end_authorisation(self, payment: str) -> None:
        """Let an authorisation end by itself now."""
        self.book.set_end(payment, self.now())

    def replace_card(self, payment: str, token: str) -> None:
        """Let a payment's card behave as another token does from now on."""
        self.book.replace_card(payment, token)

    def _is_known(self, key: str) -> bool:
        """Whether the request under a key was done. Raises its refusal if it was refused."""
        request = self.book.request(key)
        if request is not None and request.state not in (DONE, PENDING, FAILED):
            raise BankRefusalError(request.state)
        return request is not None

    def _refuse(self, key: str, kind: str, payment: str, code: str) -> BankRefusalError:
        """Keep a refusal under its key; return it."""
        self.book.add_request(Request(key, kind, payment, 0, "", code))
        return BankRefusalError(code)

    def _check_capture(self, key: str, payment: str, minor: int, currency: str) -> None:
        account = self.account(payment)
        if account is None or (currency != account.currency and not account.voided):
            raise NotPossibleError
        if account.has_ended(self.now()):
            raise self._refuse(key, CAPTURE, payment, "ended")
        if account.voided or account.token == REFUSE_CAPTURE:
            raise self._refuse(key, CAPTURE, payment, "declined")
        if account.captured or minor > account.minor or minor <= 0:
            raise NotPossibleError

    def _check_refund(self, key: str, payment: str, minor: int, currency: str) -> str:
        """Return whether a refund is done at once. Raises BankRefusalError and NotPossibleError."""
        account = self.account(payment)
        if account is None or currency != account.currency:
            raise NotPossibleError
        if account.token == REFUSE_REFUND:
            raise self._refuse(key, REFUND, payment, "refund_declined")
        if account.refunded + self.book.pending_of(payment) + minor > account.captured or minor <= 0:
            raise NotPossibleError
        return PENDING if account.token == PENDING_REFUND else DONE


def _found_request(request: Request) -> FoundKey:
    if request.state not in (DONE, PENDING, FAILED):
        return NOTHING
    if request.kind == CAPTURE:
        return FoundKey("captured", request.minor, request.currency, capture_reference_of(request.key))
    return FoundKey("refunded", request.minor, request.currency, refund=request.state)
