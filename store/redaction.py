"""Takes people out of rows; everything else of a row stays."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select, update

from domain.redaction import BLANKS, redacted
from domain.travellers import Traveller
from store.database.inserts import table_of
from store.tables import BundleRow, ChangeRow, EmbeddedPaymentRow, LineRow, PaymentRow, StepRecordRow, TravellerRow

_REQUEST = "request"
_OF_CHANGE = (_REQUEST, "plan", "quote", "outcome")
_OF_EFFECT = ("command", "result", "refusal")
_WHO = table_of(TravellerRow)
_NOBODY = dict.fromkeys(set(Traveller.model_fields) - {"id"})


def redact_travellers(tx: Session, order: str, travellers: Iterable[str], ids: Mapping[str, str]) -> None:
    """Blank every version of an order's travellers: by column, for their id is part of the key."""
    for traveller in travellers:
        mine = (_WHO.c.order_number == order, _WHO.c.traveller == traveller)
        tx.connection().execute(sa.update(_WHO).where(*mine).values(traveller=ids[traveller], **_NOBODY))


def redact_lines(tx: Session, order: str, ids: Mapping[str, str]) -> None:
    """Blank who an order's lines are for."""
    for line in tx.exec(select(LineRow).where(LineRow.order_number == order)):
        line.travellers = _written([ids[each] for each in json.loads(line.travellers)])
        line.customers = line.distribution = line.external_reference = None


def redact_changes(tx: Session, order: str, ids: Mapping[str, str]) -> None:
    """Blank what was asked of an order and answered, step by step."""
    for change in tx.exec(select(ChangeRow).where(ChangeRow.order_number == order)):
        redact_change(change, ids)
    for effect in tx.exec(select(StepRecordRow).where(StepRecordRow.order_number == order)):
        _blank(effect, _OF_EFFECT, ids)


def redact_change(change: ChangeRow, ids: Mapping[str, str]) -> None:
    """Blank one request with its answer."""
    asked = change.request
    _blank(change, _OF_CHANGE, ids)
    if change.request != asked:
        # A hash of what is erased would tell whoever guesses that they guessed right.
        change.fingerprint = ""


def redact_tokens(tx: Session, order: str) -> None:
    """Blank what an order was paid with, in the embedded provider's own book."""
    mine = select(PaymentRow.key).where(PaymentRow.order_number == order)
    tx.exec(update(EmbeddedPaymentRow).where(col(EmbeddedPaymentRow.key).in_(mine)).values(token=BLANKS["token"]))


def redact_bundle(bundle: BundleRow, ids: Mapping[str, str]) -> None:
    """Blank whom a bundle was made for."""
    _blank(bundle, ("document",), ids)
    bundle.erased = True


def _blank(row: ChangeRow | StepRecordRow | BundleRow, names: Sequence[str], ids: Mapping[str, str]) -> None:
    for name in names:
        text = getattr(row, name)
        before = json.loads(text) if text else None
        after = redacted(before, ids)
        if after != before:
            setattr(row, name, _written(after))


def _written(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
