"""A small model of the rules of a change, independent of the product: it imports nothing of ours."""
