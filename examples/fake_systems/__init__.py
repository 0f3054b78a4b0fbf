"""Fake external systems: a bank, a railway and a shop, in memory, behind HTTP."""
