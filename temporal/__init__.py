"""Stored names, and the messages, search attributes and data converter of our workflows."""
