"""Requests, the record of their steps, what is unfinished, and what operators stated."""
