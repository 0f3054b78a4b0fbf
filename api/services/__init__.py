"""Services that every façade uses: submit requests, read orders, search offers, operator actions, webhooks."""
