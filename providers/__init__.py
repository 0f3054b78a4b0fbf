"""Providers of seats, offers and payments: their protocols, the embedded ones on our own database, and webhooks."""
