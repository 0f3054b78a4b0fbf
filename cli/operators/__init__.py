"""Commands for operators: they speak to the HTTP API, as everybody does."""
