"""Every counter and clock of ours. Labels come from closed sets: never an order, a change or a word of a client."""

import prometheus_client
from prometheus_client import Counter, Gauge, Histogram

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call] # the library leaves it untyped

CHANGES = Counter(
    "changeover_changes_total",
    "Requests whose outcome was written, once each, after its commit.",
    ["kind", "outcome", "code"],
)
UNWOUND = Counter(
    "changeover_undone_total",
    "What was taken back: changes by the code they failed with, drafts as DISCARDED or EXPIRED.",
    ["reason"],
)
STEP_SECONDS = Histogram(
    "changeover_step_seconds",
    "Attempts at steps and undos: done, refused, fault or withdrawn.",
    ["step", "result"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 6, 20),
)
STEP_FAILURES = Counter(
    "changeover_step_failures_total",
    "Attempts at steps that did not succeed, by the refusal's code or the fault's type.",
    ["step", "result", "reason"],
)
REQUEST_SECONDS = Histogram(
    "changeover_request_seconds",
    "Answered HTTP requests, by the route's template.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
VIOLATIONS = Gauge(
    "changeover_invariant_violations",
    "Where each invariant did not hold in the last round this worker took part in.",
    ["invariant"],
)
BOOKS_CHECKED = Gauge("changeover_invariants_checked_timestamp_seconds", "When this worker last checked the books.")
