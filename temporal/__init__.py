"""What Temporal and the store keep by name, and the messages and converter of our workflows."""
