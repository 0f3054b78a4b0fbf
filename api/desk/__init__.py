"""The desk: pages for operators about orders, seats and money. No script, no asset from elsewhere, no accounts."""
