"""What every request passes through, around routing."""
