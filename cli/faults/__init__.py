"""Fault injection: stories of `demo` with faults, and the worker that injects them. No part of the service."""
