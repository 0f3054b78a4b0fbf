"""The domain: pydantic models and pure rules of orders and changes. No I/O, no clock, no randomness."""
