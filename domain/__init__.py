"""What is true about orders: pydantic models and pure rules. No I/O, no clock, no randomness."""
