"""What a change costs, beside bare workflows."""
