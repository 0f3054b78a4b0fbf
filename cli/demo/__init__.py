"""The demo: stories of real order changes through the HTTP API."""
