"""Files: writing that is complete or has no effect, and reading of data."""
