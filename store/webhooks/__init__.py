"""Webhooks and the outbox of events for them."""
