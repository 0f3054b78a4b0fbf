"""Asks a payment provider for one move, and decides what to believe of its answer.

Of a move that was asked for before without an answer the outcome is unknown. Then the provider first says what it knows
of the key, and a refusal counts only if it says that nothing was done: it may have moved the money and forgotten so.
"""

from dataclasses import dataclass

from activities.support.errors import AnswersDifferError, raise_too_late, refusal_in
from domain.money import Money
from domain.settlement import Move, MoveKind
from providers.errors import AuthorisationEndedError, PaymentDeclinedError, ProviderError, RefundDeclinedError
from providers.protocols import Authorised, Found, FoundState, PaymentProvider, RefundState
from store.orders.ledger import References

_REFUSALS = (PaymentDeclinedError, AuthorisationEndedError, RefundDeclinedError)
NOT_ANSWERED = "no answer"
"""What a provider has answered that is found to have done something else than it was asked for."""


@dataclass(frozen=True)
class Made:
    """The move is made."""

    reference: str | None = None
    """The provider's name for a capture; None for other moves, and for a capture that was done by hand."""
    pending: bool = False
    """Whether it is a refund that is accepted and not paid yet."""


@dataclass(frozen=True)
class Declined:
    """The move is refused, and nothing has moved."""

    ended: bool = False
    """Whether it is refused because the authorisation has ended by itself."""


Answer = Made | Declined


def ask_for_move(
    provider: PaymentProvider, tenant: str, key: str, move: Move, references: References, *, unknown: bool
) -> Answer:
    """Ask a provider for a move under its key; return its answer, if it is to be believed.

    `unknown`: whether it was asked before, without an answer. Raises AnswersDifferError, ProviderUnavailableError, and
    RefusedTooLateError for the refusal of a void or of a look-up: it says nothing about the settlement, of which a part
    may be made.
    """
    try:
        return _ask(provider, tenant, key, move, references, unknown=unknown)
    except _REFUSALS as refused:
        raise_too_late(refused)


def _ask(
    provider: PaymentProvider, tenant: str, key: str, move: Move, references: References, *, unknown: bool
) -> Answer:
    if move.kind is MoveKind.VOID:
        provider.void(tenant, move.payment, references.authorisation)
        return Made()
    earlier = _find_answer(provider, tenant, key, move) if unknown else None
    if earlier is not None:
        return earlier
    try:
        return _act(provider, tenant, key, move, references)
    except _REFUSALS as declined:
        if unknown:
            found = provider.find(tenant, key)
            believe_refusal(found, declined)
            earlier = _answer_of(found, move, code_of(declined))
        return earlier or Declined(isinstance(declined, AuthorisationEndedError))


def _find_answer(provider: PaymentProvider, tenant: str, key: str, move: Move) -> Answer | None:
    """Return what became of a move that was asked for before; None if it is to be asked for again."""
    found = provider.find(tenant, key)
    if found.state is FoundState.NOTHING and move.kind is MoveKind.CAPTURE:
        # A provider that was restored from a backup, for instance: it can never capture what it does not know.
        return Declined(ended=True) if has_ended(provider.find(tenant, move.payment)) else None
    return _answer_of(found, move, NOT_ANSWERED)


def _act(provider: PaymentProvider, tenant: str, key: str, move: Move, references: References) -> Made:
    if move.kind is MoveKind.CAPTURE:
        return Made(provider.capture(tenant, key, references.authorisation, move.amount))
    capture = references.capture or _find_capture(provider, tenant, move.payment)
    state = provider.refund(tenant, key, capture, move.amount)
    if state is RefundState.FAILED:
        # An earlier answer under the key was lost, and the refund that was pending then was not paid.
        raise RefundDeclinedError
    return Made(pending=state is RefundState.PENDING)


def _find_capture(provider: PaymentProvider, tenant: str, payment: str) -> str:
    """Return the reference of a capture that was done by hand, and that we therefore do not know."""
    found = provider.find(tenant, payment)
    if found.state is not FoundState.CAPTURED or found.reference is None:
        raise AnswersDifferError("captured by hand", describe(found))
    return found.reference


def _answer_of(found: Found, move: Move, answered: str) -> Answer | None:
    """Return what a provider did under a move's key; None if nothing, or if it cannot say.

    Raises AnswersDifferError if it is not what the move asks for.
    """
    if found.state in (FoundState.NOTHING, FoundState.CANNOT_SAY):
        return None
    expected = {MoveKind.CAPTURE: FoundState.CAPTURED, MoveKind.REFUND: FoundState.REFUNDED}[move.kind]
    if found.state is not expected or found.amount != move.amount:
        raise AnswersDifferError(answered, describe(found))
    if found.refund is RefundState.FAILED:
        return Declined()
    return Made(found.reference if move.kind is MoveKind.CAPTURE else None, pending=found.refund is RefundState.PENDING)


def find_authorised(
    provider: PaymentProvider,
    tenant: str,
    key: str,
    amount: Money,
    token: str | None,
    refused: ProviderError | None = None,
) -> Authorised | None:
    """Return what was authorised under a key of unknown outcome; None if nothing was, or it is not known.

    `token` is what it was requested with. `refused` is the refusal that is to be believed. Raises AnswersDifferError if
    it is not, or if something else was done under the key.
    """
    found = provider.find(tenant, key, token)
    if refused is not None:
        believe_refusal(found, refused)
    if found.state in (FoundState.NOTHING, FoundState.VOIDED, FoundState.CANNOT_SAY):
        return None
    if found.state is not FoundState.AUTHORISED or found.amount != amount or found.reference is None:
        raise AnswersDifferError(code_of(refused) if refused else NOT_ANSWERED, describe(found))
    return Authorised(found.reference, found.expires_at)


def believe_refusal(found: Found, refused: ProviderError) -> None:
    """Raise AnswersDifferError for a refusal after an unknown outcome, if its provider cannot say what it did."""
    if found.state is FoundState.CANNOT_SAY:
        raise AnswersDifferError(code_of(refused), describe(found))


def code_of(refused: ProviderError) -> str:
    """Return the code of a provider's refusal."""
    refusal = refusal_in(refused)
    return refusal.code if refusal else type(refused).__name__


def describe(found: Found) -> str:
    """Return what a provider found, for operators."""
    parts = [found.state, found.amount.display if found.amount else "", found.refund or ""]
    return " ".join(part for part in parts if part)


def has_ended(found: Found) -> bool:
    """Whether an authorisation that we know is gone at its provider."""
    return found.state in (FoundState.VOIDED, FoundState.NOTHING)
