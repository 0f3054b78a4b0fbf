"""HTTP clients of the native API and both façades, for the demo and its faults."""
