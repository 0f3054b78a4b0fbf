"""A provider of each kind in one file: copy one and speak to a system of your own."""
