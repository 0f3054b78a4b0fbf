"""HTTP clients of the native API and of both façades, for the demo and for operators' commands."""
