"""Commands for newcomers and operators."""
