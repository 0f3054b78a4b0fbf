"""Entur's sales API (reserve-offers, update-order, orders) as a thin translation to our own requests."""
