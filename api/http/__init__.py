"""Reads requests and describes routes: strict JSON, headers, route classes, the OpenAPI document."""
