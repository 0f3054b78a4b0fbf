"""The outside: protocols, and adapters to real systems. The embedded ones live on our own database."""
