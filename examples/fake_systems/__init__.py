"""Fake external systems behind HTTP: a bank with a book, and a railway and a shop in memory."""
