"""Entur's sales API (reserve-offers, update-order, orders): a façade that translates to our own change requests."""
