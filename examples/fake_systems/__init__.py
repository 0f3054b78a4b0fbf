"""Pretend systems of others: a bank, a railway and a shop, in memory, behind HTTP."""
