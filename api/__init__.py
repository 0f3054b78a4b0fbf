"""FastAPI: one native API and its façades, each a thin translation to the same requests."""
