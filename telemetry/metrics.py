"""All our metrics. Label values come from closed sets: never an order, a change or text of a client."""

import prometheus_client
from prometheus_client import Counter, Gauge, Histogram

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call] # the library leaves it untyped

CHANGES = Counter(
    "changeover_changes_total",
    "Requests whose outcome was recorded, counted once each, after the commit.",
    ["kind", "outcome", "code"],
)
UNWOUND = Counter(
    "changeover_undone_total",
    "Undone changes, by the code they failed with, and undone drafts, as DISCARDED or EXPIRED.",
    ["reason"],
)
STEP_SECONDS = Histogram(
    "changeover_step_seconds",
    "Duration of attempts at steps and undos, by result: done, refused, fault or withdrawn.",
    ["step", "result"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 6, 20),
)
STEP_FAILURES = Counter(
    "changeover_step_failures_total",
    "Attempts at steps that did not succeed, by the refusal's code or the fault's type.",
    ["step", "result", "reason"],
)
PROVIDER_SECONDS = Histogram(
    "changeover_provider_seconds",
    "Duration of calls that only ask an external provider, by result: done, failed, invalid, late or full.",
    ["provider", "act", "result"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8),
)
PROVIDER_EVENTS = Counter(
    "changeover_provider_events_total",
    "Deliveries of events by a payment provider, by result: kept, known, unknown_order, ignored, refused or failed.",
    ["kind", "result"],
)
REQUEST_SECONDS = Histogram(
    "changeover_request_seconds",
    "Duration of HTTP requests, by the route's template.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
VIOLATIONS = Gauge(
    "changeover_invariant_violations",
    "Violations of each invariant in the last check of this worker.",
    ["invariant"],
)
INVARIANTS_CHECKED = Gauge(
    "changeover_invariants_checked_timestamp_seconds", "When this worker last checked the invariants."
)
