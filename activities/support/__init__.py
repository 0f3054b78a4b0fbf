"""What steps are made with: their kinds, execution, errors, metrics and limits."""
