"""The demo: stories of real order changes, told through the HTTP API."""
