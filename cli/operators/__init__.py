"""Commands for operators. They use the HTTP API like any client, except `client`, which uses the database."""
