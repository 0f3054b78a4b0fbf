"""Lists are exact and paged; a search lags behind."""

import httpx2
import pytest
import stripe

from tests.stripe.control_client import Emulator
from tests.stripe.shop import authorise, capture, pay

LAG = 60


def find(sdk: stripe.StripeClient, query: str) -> list[str]:
    return [each.id for each in sdk.v1.payment_intents.search({"query": query}).data]


def test_a_search_lags_while_a_retrieval_and_a_list_are_exact(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/search#data-freshness ("under 1 minute"; list APIs are not subject to it)."""
    intent = authorise(sdk, metadata={"key": "c1/authorise"})
    query = "metadata['key']:'c1/authorise'"
    assert find(sdk, query) == []
    assert sdk.v1.payment_intents.retrieve(intent.id).status == "requires_capture"
    assert [each.id for each in sdk.v1.payment_intents.list().data] == [intent.id]
    emulator.advance(LAG - 1)
    assert find(sdk, query) == []
    emulator.advance(1)
    assert find(sdk, query) == [intent.id]


def test_a_search_finds_changes_late_too(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/payment_intents/search ("propagation of new or updated data")."""
    intent = authorise(sdk)
    emulator.advance(LAG)
    capture(sdk, intent.id)
    assert find(sdk, "status:'requires_capture'") == [intent.id]
    assert find(sdk, "status:'succeeded'") == []
    emulator.advance(LAG)
    assert find(sdk, "status:'succeeded'") == [intent.id]


def test_the_lag_may_be_an_hour_in_an_outage(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/payment_intents/search ("up to an hour behind during outages")."""
    emulator.reset(search_lag=3600)
    authorise(sdk)
    emulator.advance(3599)
    assert find(sdk, "amount>1") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("metadata['tenant']:'a' AND metadata['step']:'1'", ["a1"]),
        ("metadata['tenant']:'a' OR metadata['tenant']:'b'", ["a1", "a2", "b1"]),
        ('metadata["tenant"]:"b"', ["b1"]),
        ("-metadata['tenant']:null", ["a1", "a2", "b1"]),
        ("metadata['tenant']:null", ["none"]),
        ("amount>1000 AND amount<=1200", ["a2", "b1"]),
        ("currency:'eur' AND -metadata['step']:'1'", ["a2", "none"]),
        ("metadata['tenant']~'A'", ["a1", "a2"]),
    ],
)
def test_the_query_language_compares_joins_and_negates(
    sdk: stripe.StripeClient, emulator: Emulator, query: str, found: list[str]
) -> None:
    """Source: https://docs.stripe.com/search#search-query-language."""
    names = {
        authorise(sdk, 1000, metadata={"tenant": "a", "step": "1"}).id: "a1",
        authorise(sdk, 1100, metadata={"tenant": "a", "step": "2"}).id: "a2",
        authorise(sdk, 1200, metadata={"tenant": "b", "step": "1"}).id: "b1",
        authorise(sdk, 1300).id: "none",
    }
    emulator.advance(LAG)
    assert sorted(names[each] for each in find(sdk, query)) == found


@pytest.mark.parametrize("query", ["order:'1'", "status", "status:'a' AND amount>1 OR amount<1", "metadata:'a'"])
def test_a_query_that_cannot_be_parsed_is_400(sdk: stripe.StripeClient, query: str) -> None:
    """Source: https://docs.stripe.com/search#search-query-language (AND and OR cannot be combined)."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        find(sdk, query)
    assert refused.value.param == "query"


def test_refunds_cannot_be_searched(raw: httpx2.Client) -> None:
    """Source: https://docs.stripe.com/search (charges, customers, invoices, payment intents, prices, …)."""
    assert raw.get("/refunds/search").status_code == 404


def test_charges_are_searched_and_paged(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/charges/search and https://docs.stripe.com/api/pagination/search."""
    charges = [str(pay(sdk).latest_charge) for _ in range(5)]
    emulator.advance(LAG)
    first = sdk.v1.charges.search({"query": "amount:1000", "limit": 2})
    assert (len(first.data), first.has_more) == (2, True)
    assert [each.id for each in first.auto_paging_iter()] == charges[::-1]


def test_a_list_is_newest_first_in_pages_of_ten(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/pagination and https://docs.stripe.com/pagination."""
    created = [authorise(sdk).id for _ in range(12)][::-1]
    first = sdk.v1.payment_intents.list()
    assert ([each.id for each in first.data], first.has_more) == (created[:10], True)
    second = sdk.v1.payment_intents.list({"starting_after": created[9]})
    assert ([each.id for each in second.data], second.has_more) == (created[10:], False)
    before = sdk.v1.payment_intents.list({"ending_before": created[5], "limit": 3})
    assert ([each.id for each in before.data], before.has_more) == (created[2:5], True)
    assert [each.id for each in sdk.v1.payment_intents.list({"limit": 5}).auto_paging_iter()] == created


def test_a_page_holds_at_most_100(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/pagination (between 1 and 100)."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.payment_intents.list({"limit": 101})
    assert refused.value.param == "limit"


def test_an_unknown_cursor_is_refused(sdk: stripe.StripeClient) -> None:
    """From memory: a cursor is an id of the list."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.payment_intents.list({"starting_after": "pi_none"})
    assert refused.value.param == "starting_after"


def test_a_list_is_filtered_by_customer_and_time(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/payment_intents/list (`customer`, `created`)."""
    customer = sdk.v1.customers.create().id
    early = authorise(sdk, customer=customer)
    emulator.advance(100)
    late = authorise(sdk, customer=customer)
    authorise(sdk)
    assert [each.id for each in sdk.v1.payment_intents.list({"customer": customer}).data] == [late.id, early.id]
    since = sdk.v1.payment_intents.list({"customer": customer, "created": {"gt": early.created}})
    assert [each.id for each in since.data] == [late.id]
    exactly = sdk.v1.payment_intents.list({"created": early.created})
    assert [each.id for each in exactly.data] == [early.id]
