"""The support for steps: their kinds, execution, errors, metrics and limits."""
