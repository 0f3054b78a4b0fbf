"""Fake external systems behind HTTP: a bank and a railway with a book each, and a shop in memory."""
