"""ASGI middlewares that wrap every request."""
