"""One example provider of each kind, each in one file: copy one and connect it to your own system."""
