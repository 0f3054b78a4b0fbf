"""What every façade does with orders, offers and webhooks; no wire format."""
