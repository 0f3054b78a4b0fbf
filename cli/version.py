"""The version of Changeover."""

VERSION = "0.1.0"
"""The `version` of pyproject.toml, which a test compares; the container holds no package metadata to read it from."""
