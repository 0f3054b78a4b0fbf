"""The saga: runs steps, undoes them, and shows what it does."""
