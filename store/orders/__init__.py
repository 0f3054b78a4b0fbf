"""Orders and what belongs to them: lines, seats, money, events, offer bundles."""
