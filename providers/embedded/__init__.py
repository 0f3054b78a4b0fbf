"""Providers on our own database: complete, persistent and transactional."""
