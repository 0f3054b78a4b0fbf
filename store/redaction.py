"""Redacts personal data in rows; everything else in a row stays."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select, update

from domain.redaction import BLANKS, redact, redact_request
from domain.travellers import Traveller
from store.database.inserts import table_of
from store.tables import BundleRow, ChangeRow, EmbeddedPaymentRow, LineRow, PaymentRow, StepRecordRow, TravellerRow

_REQUEST = "request"
_OF_CHANGE = ("plan", "quote", "outcome", "shown")
_OF_STEP_RECORD = ("command", "result", "refusal")
_TRAVELLERS = table_of(TravellerRow)
_NO_DETAILS = dict.fromkeys(set(Traveller.model_fields) - {"id"})


def redact_travellers(tx: Session, order: str, travellers: Iterable[str], ids: Mapping[str, str]) -> None:
    """Redact every version of an order's travellers. By statement, because the traveller's id is part of the key."""
    for traveller in travellers:
        conditions = (_TRAVELLERS.c.order_number == order, _TRAVELLERS.c.traveller == traveller)
        tx.connection().execute(
            sa.update(_TRAVELLERS).where(*conditions).values(traveller=ids[traveller], **_NO_DETAILS)
        )


def redact_lines(tx: Session, order: str, ids: Mapping[str, str]) -> None:
    """Redact travellers, customers and references on an order's lines."""
    for line in tx.exec(select(LineRow).where(LineRow.order_number == order)):
        line.travellers = _dump([ids[each] for each in json.loads(line.travellers)])
        _redact_columns(line, ("seats", "age_bands"), ids)
        line.customers = line.distribution = line.external_reference = None


def redact_changes(tx: Session, order: str, ids: Mapping[str, str]) -> None:
    """Redact an order's requests and the commands and results of their steps."""
    for change in tx.exec(select(ChangeRow).where(ChangeRow.order_number == order)):
        redact_change(change, ids)
    for record in tx.exec(select(StepRecordRow).where(StepRecordRow.order_number == order)):
        _redact_columns(record, _OF_STEP_RECORD, ids)


def redact_change(change: ChangeRow, ids: Mapping[str, str]) -> None:
    """Redact one request with its plan, quote and outcome."""
    request = change.request
    _redact_columns(change, (_REQUEST,), ids, redact_request)
    _redact_columns(change, _OF_CHANGE, ids)
    if change.request != request:
        # A hash of erased data would confirm a guess of that data.
        change.fingerprint = ""


def redact_tokens(tx: Session, order: str) -> None:
    """Redact the payment tokens of an order in the embedded provider's records."""
    keys = select(PaymentRow.key).where(PaymentRow.order_number == order)
    tx.exec(update(EmbeddedPaymentRow).where(col(EmbeddedPaymentRow.key).in_(keys)).values(token=BLANKS["token"]))


def redact_bundle(bundle: BundleRow, ids: Mapping[str, str]) -> None:
    """Redact the travellers a bundle was offered to."""
    _redact_columns(bundle, ("document",), ids)
    bundle.erased = True


def _redact_columns(
    row: ChangeRow | StepRecordRow | BundleRow | LineRow,
    names: Sequence[str],
    ids: Mapping[str, str],
    redacted: Callable[[Any, Mapping[str, str]], Any] = redact,
) -> None:
    for name in names:
        text = getattr(row, name)
        before = json.loads(text) if text else None
        after = redacted(before, ids)
        if after != before:
            setattr(row, name, _dump(after))


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
