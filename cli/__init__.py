"""The command line: commands for newcomers and operators."""
