"""How costs grow: with the lines of an order, the orders in the store, the drafts that are open and parked."""
