"""The HTTP API (FastAPI): a native API and façades, each a thin translation to the same requests."""
