"""The 84 bad inputs: each with its response and the tests that cover it."""

from typing import NamedTuple


class BadInput(NamedTuple):
    """One input that is wrong, or only looks wrong."""

    input: str
    response: str
    tests: tuple[str, ...]
    """Names of tests, with their path below `tests/`."""


_BODY, _MEMBER = "api/test_bad_input.py::", "api/test_bad_members.py::"
_FACADES, _REQUESTS = "api/bad_inputs/test_facades.py::", "api/bad_inputs/test_requests.py::"
_HANDLING, _KEYS = "api/test_request_headers.py::", "api/test_idempotency.py::"
_AUTH, _ACCESS, _TOKENS = (
    "api/auth/test_authenticator.py::",
    "api/auth/test_tenant_access.py::",
    "api/auth/test_tokens.py::",
)
_PLAN, _MONEY, _POSTING = "domain/test_plan_change.py::", "domain/test_money.py::", "providers/test_webhook_sender.py::"

BODY = (f"{_BODY}test_a_body_of_the_wrong_form_is_refused", f"{_FACADES}test_an_invalid_json_body_is_a_problem")
LARGE = (f"{_BODY}test_a_body_over_64_kib_is_not_read", BODY[1])
MEDIA = (
    f"{_BODY}test_bodies_are_uncompressed_json_in_utf_8",
    f"{_FACADES}test_a_body_that_is_not_uncompressed_json_in_utf_8_is_415",
)
MEMBER = f"{_FACADES}test_an_invalid_member_is_a_problem"
AMOUNT = f"{_MEMBER}test_an_amount_is_decimal_text_with_the_currencys_places"
OPERATION = f"{_MEMBER}test_operations_that_make_no_sense"
BIRTH = (f"{_MEMBER}test_a_birth_date_nobody_can_have", MEMBER)
NO_NAME = (f"{_MEMBER}test_names_nobody_has_are_refused_and_not_repeated", MEMBER)
NAME = f"{_MEMBER}test_names_people_have_are_taken_as_they_are"
COUNT = "api/entur/test_reserve.py::test_a_count_is_a_small_whole_number"
RANGE = f"{_REQUESTS}test_a_number_out_of_range_is_refused_on_every_database"
LENGTH = f"{_REQUESTS}test_a_wrong_length_stores_nothing"
NO_KEY = f"{_KEYS}test_a_key_that_is_none_is_refused"
NOT_THERE = f"{_BODY}test_an_unknown_order_is_404_whatever_its_number_contains"
FOREIGN = f"{_ACCESS}test_every_route_answers_for_a_foreign_order_as_for_an_unknown_one"
SEARCH = f"{_MEMBER}test_a_search_that_says_too_little_or_too_much"
REFUSED = f"{_PLAN}test_an_impossible_operation_is_refused"
WAITING = "guarantees/test_change_stream.py::"

MEMBER_INVALID = "422 `MEMBER_INVALID`; 400 on the façades"
MALFORMED = "400 `MALFORMED_BODY`"

BAD_INPUTS: dict[int, BadInput] = {
    1: BadInput("`NaN`", MEMBER_INVALID, BODY),
    2: BadInput("`Infinity`, `-Infinity`", MEMBER_INVALID, BODY),
    3: BadInput("`1e400`", MEMBER_INVALID, BODY),
    4: BadInput("half of a surrogate pair", MEMBER_INVALID, BODY),
    5: BadInput("NUL in a name", MEMBER_INVALID, NO_NAME),
    6: BadInput(
        "a whole number beyond 2^31", "refused by the member's range, the same on every database", (RANGE, MEMBER)
    ),
    7: BadInput("a whole number beyond 2^63", MEMBER_INVALID, (RANGE, *BODY, MEMBER)),
    8: BadInput("a number of 5,000 digits", MALFORMED, BODY),
    9: BadInput("`true` as an amount or a count", MEMBER_INVALID, (AMOUNT, COUNT, MEMBER)),
    10: BadInput('`"1"` as a whole number', MEMBER_INVALID, (OPERATION, COUNT, MEMBER)),
    11: BadInput("`1.0` as a whole number or an amount", MEMBER_INVALID, (OPERATION, AMOUNT, MEMBER)),
    12: BadInput("money as the number `3.542`", MEMBER_INVALID, (AMOUNT,)),
    13: BadInput("money with the tail of a float", MEMBER_INVALID, (AMOUNT,)),
    14: BadInput("`-0`, `-0.0`, `-0.00` as an amount", MEMBER_INVALID, (AMOUNT,)),
    15: BadInput("a negative amount or count", MEMBER_INVALID, (AMOUNT, COUNT)),
    16: BadInput("the same member twice in one object", "400 `DUPLICATE_MEMBER`", BODY),
    17: BadInput(
        "an unknown member",
        "422 `MEMBER_INVALID`, which names it; the façades ignore it",
        (
            BODY[0],
            "api/test_problems.py::test_an_unknown_member_is_named_unless_its_name_may_be_data",
            "api/entur/test_reserve.py::test_members_that_are_unknown_are_ignored_at_any_depth",
            "api/discover/test_handling.py::test_names_are_matched_without_case_and_unknown_ones_ignored",
        ),
    ),
    18: BadInput("30,000 nested arrays", MALFORMED, BODY),
    19: BadInput("a name of 10 MB", "413 `BODY_TOO_LARGE`, before it is read", LARGE),
    20: BadInput(
        "a wrong length, an endless body",
        "400 or 413; no response to an incomplete body",
        (LENGTH, f"{_BODY}test_a_body_without_a_length_is_cut_off_too"),
    ),
    21: BadInput("a birth date as a number", MEMBER_INVALID, BIRTH),
    22: BadInput("a birth date with a time", f"{MEMBER_INVALID}; discover.swiss's façade ignores the time", BIRTH),
    23: BadInput("a date that does not exist", MEMBER_INVALID, BIRTH),
    24: BadInput("a birth date in the future or too long ago", MEMBER_INVALID, BIRTH),
    25: BadInput(
        "a birthday on 29 February",
        "accepted: one year older on 1 March",
        ("domain/test_ages.py::test_a_traveller_born_on_29_february_has_the_birthday_on_1_march_in_other_years",),
    ),
    26: BadInput("a name of spaces", f"{MEMBER_INVALID}; on discover.swiss's façade the same as no name", NO_NAME),
    27: BadInput("control characters, direction marks, a thousand accents in a name", MEMBER_INVALID, NO_NAME),
    28: BadInput("O'Brien, Åse-Marie, 李, one letter, four parts", "accepted unchanged", (NAME,)),
    29: BadInput(
        "`<script>` in a name",
        "accepted; shown as text on every page",
        (NAME, "api/desk/test_pages.py::test_a_script_in_a_reference_is_text_on_every_page"),
    ),
    30: BadInput(
        "`=cmd()` in a name",
        "accepted; no response has a format that a spreadsheet evaluates",
        (NAME, f"{_REQUESTS}test_no_response_has_a_format_that_a_spreadsheet_evaluates"),
    ),
    31: BadInput(
        "control characters in `X-Correlation-Id`, `Idempotency-Key`",
        "400 `HEADER_INVALID`, not echoed",
        (f"{_HANDLING}test_a_correlation_id_that_is_none_is_refused_and_not_echoed", NO_KEY),
    ),
    32: BadInput(
        "`X-Correlation-Id` empty, of 10 kB, twice",
        "empty: one is generated; otherwise 400 `HEADER_INVALID`",
        (
            f"{_HANDLING}test_a_correlation_id_is_echoed_or_generated",
            f"{_REQUESTS}test_two_correlation_ids_are_refused_and_a_long_one_is_not_echoed",
        ),
    ),
    33: BadInput(
        "no `Idempotency-Key`",
        "400 `IDEMPOTENCY_KEY_MISSING`; optional on the façades",
        (f"{_KEYS}test_a_post_without_a_key_is_refused",),
    ),
    34: BadInput(
        "a key of 256 characters, beyond ASCII, in quotes",
        "400 `HEADER_INVALID`; a quoted and a bare key are equal",
        (NO_KEY, f"{_KEYS}test_quoted_and_bare_are_one_key"),
    ),
    35: BadInput(
        "the same key, another body",
        "422 `IDEMPOTENCY_MISMATCH`",
        (f"{_KEYS}test_a_key_used_for_another_body_is_refused_and_runs_nothing",),
    ),
    36: BadInput(
        "the same key, members in another order",
        "the same response",
        (f"{_KEYS}test_the_order_of_members_and_spaces_make_no_other_body",),
    ),
    37: BadInput(
        "the same key while the first runs",
        "waits for the same response",
        (f"{_KEYS}test_a_key_sent_again_while_the_first_runs_gets_its_answer",),
    ),
    38: BadInput(
        "the same key of another client or tenant",
        "a separate request",
        (f"{_ACCESS}test_an_idempotency_key_is_each_clients_own",),
    ),
    39: BadInput(
        "no `If-Match`",
        "accepted: requests on one order run one after another",
        ("api/test_changes.py::test_a_dearer_departure_goes_through_a_draft",),
    ),
    40: BadInput(
        "`If-Match` stale, `*`, weak, a list, malformed",
        "412 `STALE_ORDER`; `*` matches any state; one match in a list is enough; 400 `HEADER_INVALID`",
        (
            f"{_HANDLING}test_a_change_against_another_state_is_refused",
            f"{_HANDLING}test_one_of_several_states_is_enough_and_a_star_is_any",
            f"{_HANDLING}test_a_tag_that_is_none_is_refused",
            f"{_REQUESTS}test_a_tag_may_hold_a_comma",
        ),
    ),
    41: BadInput(
        "`traceparent` malformed, all zeros", "ignored", (f"{_REQUESTS}test_an_invalid_traceparent_is_ignored",)
    ),
    42: BadInput(
        "`ET-Client-Name` missing, without a dash",
        "accepted, with the strict rate limit",
        ("api/entur/test_headers.py::test_clients_without_a_proper_name_share_a_strict_limit",),
    ),
    43: BadInput(
        "`Entur-Distribution-Channel` of another client",
        "403 `CHANNEL_REFUSED`",
        (f"{_ACCESS}test_enturs_channel_header_must_be_the_clients_own",),
    ),
    44: BadInput(
        "`Accept: text/xml`, a very long `Accept-Encoding`",
        "406 `NOT_ACCEPTABLE`; ignored",
        (f"{_BODY}test_answers_are_json", f"{_REQUESTS}test_a_response_is_never_compressed"),
    ),
    45: BadInput(
        "`Content-Type: text/plain`, or none",
        "415 `UNSUPPORTED_MEDIA_TYPE`; without a content type a body is read as JSON",
        (*MEDIA, "api/discover/test_truth.py::test_a_body_without_a_content_type_is_json"),
    ),
    46: BadInput("`charset=utf-16`", "415 `UNSUPPORTED_MEDIA_TYPE`", MEDIA),
    47: BadInput("bytes in Latin-1", MALFORMED, BODY),
    48: BadInput("a byte order mark", "accepted", (f"{_BODY}test_a_byte_order_mark_is_no_mistake",)),
    49: BadInput("no body, `null`, `[]`, a body cut off", MALFORMED, BODY),
    50: BadInput("a compressed body", "415 `UNSUPPORTED_MEDIA_TYPE`", MEDIA),
    51: BadInput("an order that is unknown, malformed, foreign", "404 for all", (NOT_THERE, FOREIGN)),
    52: BadInput("text that would be the id of a workflow", "404: no id is built from it", (NOT_THERE,)),
    53: BadInput("a payload beyond what Temporal takes", "413 `BODY_TOO_LARGE`", LARGE),
    54: BadInput("no traveller, a thousand, the same traveller twice", MEMBER_INVALID, (SEARCH, OPERATION, MEMBER)),
    55: BadInput(
        "a traveller not in the offer",
        "409 `TRAVELLER_NOT_IN_OFFER`; 400 on Entur's façade",
        (
            REFUSED,
            "api/entur/test_reserve.py::test_only_the_selected_travellers_get_lines_and_strangers_are_a_bad_request",
        ),
    ),
    56: BadInput(
        "a child without an adult",
        "decided by the offer: an age without a price gets no offer",
        ("api/test_offers.py::test_a_traveller_without_a_price_gets_no_offer",),
    ),
    57: BadInput(
        "more travellers than the offer takes",
        "409 `TRAVELLER_COUNT_OUT_OF_RANGE`; 400 on Entur's façade",
        (
            "api/test_offers.py::test_a_compartment_takes_six_and_no_seventh",
            "api/entur/test_reserve.py::test_more_travellers_than_a_compartment_takes_are_a_bad_request",
        ),
    ),
    58: BadInput(
        "a passport out of date",
        "stored as text: documents are not checked",
        ("api/discover/test_travellers.py::test_details_are_kept_as_discover_swiss_spells_them",),
    ),
    59: BadInput(
        "an offer of another order, tenant, currency",
        "404 `OFFER_NOT_FOUND`; 409 `CURRENCY_MISMATCH`",
        ("api/discover/test_update.py::test_a_bundle_of_another_order_is_as_unknown_as_any", FOREIGN, REFUSED),
    ),
    60: BadInput(
        "an offer that has just expired, or expires during the change",
        "409 `OFFER_EXPIRED` unless it was quoted in time",
        (
            "domain/test_quotes.py::test_a_bundle_is_refused_at_the_instant_it_expires",
            "guarantees/test_expiry_boundaries.py::test_an_offer_may_expire_once_the_change_is_quoted_and_not_before",
        ),
    ),
    61: BadInput(
        "the same bundle twice",
        "409 `OFFER_TAKEN`",
        ("api/discover/test_truth.py::test_a_bundle_is_taken_once_and_may_change_places",),
    ),
    62: BadInput(
        "the bundle the item already has",
        "accepted: nothing changes",
        ("api/discover/test_update.py::test_the_same_bundle_changes_nothing_and_holds_nothing_twice",),
    ),
    63: BadInput(
        "legs that overlap",
        "impossible: an offer is for one departure, from the catalogue",
        ("api/test_offers.py::test_a_service_is_offered_in_every_product_of_its_line",),
    ),
    64: BadInput(
        "a train that has left",
        "409 `SERVICE_DEPARTED`",
        ("api/test_orders.py::test_a_line_of_a_departed_train_cannot_be_changed",),
    ),
    65: BadInput(
        "a seat that is unknown, taken, or already held by the order",
        "409 `SEAT_UNKNOWN`, `SEAT_TAKEN`; the order keeps its own seat",
        (
            "api/test_seats.py::test_a_seat_is_reserved_by_its_name_or_refused",
            f"{_PLAN}test_a_named_seat_that_the_line_already_has_is_kept",
        ),
    ),
    66: BadInput("two travellers on one seat", MEMBER_INVALID, (OPERATION,)),
    67: BadInput(
        "two currencies, one without a minor unit, one with four places",
        "409 `CURRENCY_MISMATCH`; 422; exact",
        (
            f"{_MONEY}test_two_currencies_are_never_combined",
            f"{_MONEY}test_a_currency_without_a_minor_unit_is_refused",
            f"{_MONEY}test_every_amount_has_exactly_its_currencys_places",
        ),
    ),
    68: BadInput(
        "a price that rises between quote and change",
        "impossible: a bundle keeps its price until it expires",
        ("api/test_offers.py::test_a_bundle_states_until_when_its_price_is_guaranteed",),
    ),
    69: BadInput(
        "a difference of 0.00",
        "accepted; the payment provider is not called",
        ("domain/test_settlement.py::test_a_difference_of_zero_moves_nothing",),
    ),
    70: BadInput(
        "a refund above the captured amount, or refused by the provider",
        "refused by the store; the order is unchanged",
        (
            "store/test_constraints.py::test_no_more_is_refunded_than_captured_nor_captured_than_authorised",
            "api/test_money.py::test_a_refund_that_is_refused_changes_nothing",
        ),
    ),
    71: BadInput(
        "an order paid in several ways",
        "the newest payment is refunded first",
        ("api/test_money.py::test_a_refund_goes_over_the_original_payments_newest_first",),
    ),
    72: BadInput(
        "an order that is cancelled", "409 `ORDER_CANCELLED`", (f"{_PLAN}test_a_cancelled_order_accepts_no_change",)
    ),
    73: BadInput(
        "another change in progress",
        "waits in the order's queue",
        ("guarantees/test_request_queue.py::test_two_changes_on_one_order_at_once_both_run_one_after_the_other",),
    ),
    74: BadInput(
        "a hundred changes of one order",
        "each done or 423 `ORDER_BUSY`; 429 beyond a client's limit",
        (
            "guarantees/test_concurrency.py::test_of_many_changes_on_one_order_each_is_done_or_refused_as_busy_and_none_is_lost",
            "api/auth/test_limits.py::test_a_client_learns_the_rest_of_its_limit_and_when_to_retry",
        ),
    ),
    75: BadInput(
        "a refund after the tax rate changed",
        "the tax of the sale",
        (f"{_MONEY}test_the_tax_of_a_refund_is_the_tax_of_the_sale",),
    ),
    76: BadInput(
        "a cancel of nothing, too late, twice",
        "200; the confirmation completes first; undone once",
        (
            "api/test_orders.py::test_confirming_a_confirmed_order_and_discarding_nothing_change_nothing",
            "guarantees/test_cancel.py::test_a_confirmation_in_progress_ends_before_the_cancel_is_handled",
            "guarantees/test_cancel.py::test_cancelling_twice_while_a_draft_is_undone_undoes_it_once",
        ),
    ),
    77: BadInput(
        "`limit=0`, `-1`, `abc`, a forged cursor", MEMBER_INVALID, (f"{_BODY}test_pages_of_history_are_bounded",)
    ),
    78: BadInput(
        "SQL in a path, a very long address",
        "404; 414 `ADDRESS_TOO_LONG`",
        (NOT_THERE, "api/test_security_headers.py::test_an_address_that_is_too_long_is_414"),
    ),
    79: BadInput(
        "a forged `Last-Event-ID`, idle streams",
        "400 `HEADER_INVALID`; 503 `TOO_MANY_WATCHERS`",
        (
            f"{WAITING}test_a_stream_that_cannot_be_opened_is_answered_with_a_problem",
            f"{WAITING}test_streams_are_limited_and_a_client_that_disconnects_frees_its_slot",
        ),
    ),
    80: BadInput(
        "`Prefer: wait=99999`", "waits 30 seconds", (f"{_REQUESTS}test_no_request_waits_longer_than_30_seconds",)
    ),
    81: BadInput(
        "a webhook at a private address, in any notation",
        "422 `ADDRESS_REFUSED`; checked again at every delivery",
        (
            "api/test_webhooks.py::test_a_url_that_is_not_on_the_internet_is_refused_at_save_and_not_echoed",
            "domain/test_addresses.py::test_an_address_that_is_not_global_unicast_is_refused_however_it_is_written",
            f"{_POSTING}test_a_name_that_has_a_private_address_by_now_is_not_posted_to",
        ),
    ),
    82: BadInput(
        "a receiver that hangs, redirects, answers 410, sends endlessly",
        "timed out; not followed; disabled; not read further",
        (
            f"{_POSTING}test_an_endpoint_that_is_slow_is_given_up",
            f"{_POSTING}test_2xx_is_success_and_a_redirect_is_not_followed",
            f"{_POSTING}test_an_endpoint_that_sends_without_end_is_not_listened_to",
            "guarantees/test_webhooks.py::test_410_disables_a_webhook_at_once_and_nothing_more_is_posted",
        ),
    ),
    83: BadInput(
        "a token that is forged, expired, of another issuer, too long",
        "401 `UNAUTHENTICATED`; 431",
        (f"{_TOKENS}test_an_invalid_token_is_refused", f"{_TOKENS}test_the_bearer_of_an_invalid_token_is_401"),
    ),
    84: BadInput(
        "an API key that is revoked, lacks a scope, is in the URL",
        "401; 403 `SCOPE_MISSING`; 400 `CREDENTIAL_IN_QUERY`",
        (
            f"{_AUTH}test_keys_are_rotated_without_a_pause_and_revoked_at_once",
            f"{_AUTH}test_every_route_requires_exactly_its_scope",
            f"{_AUTH}test_a_credential_in_the_url_is_refused_before_it_is_checked",
        ),
    ),
}
"""By number in the list of bad inputs that the project is tested against."""
