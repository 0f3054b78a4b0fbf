"""Read models for the API, the desk and metrics; nothing here writes."""
