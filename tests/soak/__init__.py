"""The soak: seeded traffic over HTTP while worker, API, Temporal and database are killed."""
