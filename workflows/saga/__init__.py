"""The saga: runs steps, undoes them when a request fails, and shows its progress."""
