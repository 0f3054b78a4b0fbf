"""Measures how costs grow: with the lines of an order, the orders in the store, and open and parked drafts."""
