"""Redaction removes personal data from a document and leaves everything else."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from api.services.create_order import NewOrder
from domain.answers import ShownCatalogue, ShownOrder
from domain.changes import ChangeRequest, Outcome
from domain.offers import OfferBundle
from domain.planning.plan import Plan
from domain.quotes import Quote
from domain.redaction import BLANKS, PEOPLE, Pseudonyms, redact, redact_request
from domain.travellers import Traveller
from tests.support.erasure_data import Person

WITHIN = {"id", "version", "contract_id", "product", "external", "entitlements", "fulfilment_method"} | {
    *("travel_document", "customer_account")
}
"""Members inside objects that are redacted as a whole; elsewhere they are our own ids, product ids and the like."""
HARMLESS = WITHIN | {
    "reason",  # of a request: blanked by `redact_request`; of an action by hand: needed for the audit, without names
    *("kind", "state", "code", "members", "field", "op", "method", "status", "no_op", "draft", "number", "line"),
    *("operations", "with", "lines", "line_id", "position", "positions", "count", "seats", "names", "services"),
    *("offer_bundle_id", "offer_id", "offer_bundle", "offer", "offers", "supplement", "supplements", "supplement_of"),
    *("refund_price_difference", "confirm", "until_confirmed", "if_match", "expires_at", "payment", "amount"),
    *("minor", "currency", "price", "prices", "total", "balance", "tax", "tax_rate", "fee", "fees", "change_fee"),
    *("old_price", "new_price", "difference", "to_refund", "not_refundable", "undecided", "to_release", "refund_owed"),
    *("group_price",),
    *("keeps_surplus", "at_most", "as_it_stands", "leave_supplements", "refund", "surplus", "kept", "given_up"),
    *(
        "terms",
        "returnable_until",
        "sold_until",
        "valid_until",
        "last_day",
        "sale",
        "limit",
        "at",
        "taxes",
        "rate",
        "base",
    ),
    *("age_bands", "seat", "accompanied", "accompanies", "kept_seats", "reservation", "kept_units", "units_to_hold"),
    *("restores", "stock", "item", "day", "beside", "groups", "ended_groups", "refusals", "priced_on", "ends_draft"),
    *(
        "adds",
        "removes",
        "replaced",
        "replaces",
        "originals",
        "replacements",
        "reservations",
    ),
    *("warnings", "next_line", "next_position", "service", "valid_from", "first_day", "last_event", "order", "taken"),
    *("answers_with_order", "confirm_lines", "ignored", "refused", "operation", "captured", "refunded", "confirmed"),
    *("refund_owed",),
    *("added_by", "authorised", "confirmed_version", "draft_opened_by", "key", "last_confirmed_at", "open"),
    *("paid_out", "payments", "versions"),
    # of the catalogue
    *("capacity", "capacity_per", "description", "family", "fields_for_offer", "fields_for_order", "max_age"),
    *("min_age", "missing", "name", "parent", "products", "provider", "railway_line", "seating", "second_place"),
    *("sku", "sold_ahead", "sold_by_offers", "source", "title", "validity", "withdrawn"),
    *("smallest", "largest", "group", "distribution_channel", "point_of_sale", "time_zone", "expires_with_offers"),
}


def members_of(schema: Any) -> Iterator[str]:
    """Yield the name of every member anywhere in a schema."""
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
        yield from schema["properties"]
    for part in parts:
        yield from members_of(part)


@pytest.mark.parametrize(
    "stored", [ChangeRequest, NewOrder, Plan, Quote, Outcome, ShownOrder, ShownCatalogue, OfferBundle]
)
def test_every_member_of_a_stored_document_is_classified_as_personal_or_not(stored: type[BaseModel]) -> None:
    found = set(members_of(stored.model_json_schema()))
    assert found - HARMLESS - set(BLANKS) - set(PEOPLE) == set()


def test_the_test_traveller_has_every_detail() -> None:
    assert set(Person().details) == set(Traveller.model_fields)
    assert set(BLANKS) >= set(Traveller.model_fields) - {"id"}


def test_pseudonyms_agree_throughout_and_are_no_travellers_id() -> None:
    ids = Pseudonyms({"a", "erased-1"})
    before = {"travellers": [{"id": "a", "given_name": "A"}], "lines": [{"travellers": ["erased-1", "a"]}]}
    after = redact(before, ids)
    assert after["travellers"] == [{"id": "erased-2", "given_name": None}]
    assert after["lines"] == [{"travellers": ["erased-3", "erased-2"]}]


def test_what_is_not_personal_stays_unchanged() -> None:
    document = {
        "state": "done",
        "members": [{"line": "26-100000-1", "traveller": 0}],
        "customers": [],
        "passport": None,
    }
    assert redact(document, Pseudonyms(())) == document
    assert list(redact(document, Pseudonyms(()))) == list(document)


def test_the_reason_of_a_request_is_blanked_and_nothing_else_of_that_name() -> None:
    request = {"kind": "confirm", "reason": "Maria Li called"}
    assert redact_request(request, Pseudonyms(())) == {"kind": "confirm", "reason": None}
    assert redact_request({"kind": "confirm"}, Pseudonyms(())) == {"kind": "confirm"}
    assert redact({"reason": "expired"}, Pseudonyms(())) == {"reason": "expired"}


def test_a_redacted_document_can_still_be_read() -> None:
    wish = Person().add_lines("b-1")
    request = {"kind": "change", "operations": [wish], "payment": {"method": "card", "token": "tok_1"}}
    ChangeRequest.model_validate(request)
    read = ChangeRequest.model_validate(redact(request, Pseudonyms(())))
    assert read.travellers == (Traveller(id="erased-1"),)
    assert read.payment is not None
    assert (read.payment.method, read.payment.token) == ("card", "erased")
