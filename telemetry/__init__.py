"""Instrumentation: logs, metrics and traces. They hold no personal data, and no request waits for them."""
