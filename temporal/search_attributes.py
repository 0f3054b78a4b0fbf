"""Search attributes of our workflows, and the query for drafts that need an operator."""

from temporalio.common import SearchAttributeKey

from temporal.names import ORDER_DRAFT

ORDER_NUMBER = SearchAttributeKey.for_keyword("OrderNumber")
ORDER_STATE = SearchAttributeKey.for_keyword("OrderState")
CHANGE_KIND = SearchAttributeKey.for_keyword("ChangeKind")
CHANNEL = SearchAttributeKey.for_keyword("Channel")
CORRELATION_ID = SearchAttributeKey.for_keyword("CorrelationId")
STUCK_STEP = SearchAttributeKey.for_keyword("StuckStep")
PRICE_DIFF_MINOR = SearchAttributeKey.for_int("PriceDiffMinor")
NEEDS_ATTENTION = SearchAttributeKey.for_bool("NeedsAttention")
DRAFT_EXPIRES = SearchAttributeKey.for_datetime("DraftExpires")

SEARCH_ATTRIBUTES = (
    ORDER_NUMBER,
    ORDER_STATE,
    CHANGE_KIND,
    CHANNEL,
    CORRELATION_ID,
    STUCK_STEP,
    PRICE_DIFF_MINOR,
    NEEDS_ATTENTION,
    DRAFT_EXPIRES,
)

MAX_KEYWORD = 255
"""The most characters of a keyword that Temporal's visibility store keeps on PostgreSQL."""


def keyword(text: str) -> str:
    """Return a text as a keyword: one that is too long is cut, because the store would refuse it."""
    return text[:MAX_KEYWORD]


NEEDS_ATTENTION_QUERY = (
    f"WorkflowType = '{ORDER_DRAFT}' AND ExecutionStatus = 'Running' AND {NEEDS_ATTENTION.name} = true"
)
"""Lists the drafts that need an operator."""
