"""discover.swiss's order API: a façade that translates to our own operations and back."""
