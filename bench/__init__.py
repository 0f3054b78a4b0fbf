"""The bench: what a change costs, beside bare workflows and DBOS, and how costs grow. See bench/README.md."""
