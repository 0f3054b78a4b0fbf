"""Measures what a change costs, beside bare workflows."""
