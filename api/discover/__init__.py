"""discover.swiss's order API as a façade: a translation to our own operations and back."""
