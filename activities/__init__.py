"""The activities: each step beside its undo, one file per group of steps."""
