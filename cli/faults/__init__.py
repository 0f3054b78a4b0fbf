"""What goes wrong on purpose: stories of `demo`, and the worker they and the tests break. No part of the service."""
