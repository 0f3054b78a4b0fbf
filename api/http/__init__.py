"""Reading requests and describing routes: strict JSON, headers, route classes, the OpenAPI file."""
