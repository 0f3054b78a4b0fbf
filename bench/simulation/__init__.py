"""Queues, simulated: what waits for what when more changes come than were measured."""
