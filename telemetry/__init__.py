"""What a process tells of itself: logs, metrics, traces. Nothing personal in any, and nothing waits for them."""
