"""Things to type along, and providers of one's own."""
