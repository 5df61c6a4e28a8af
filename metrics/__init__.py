"""The shipped metrics: one family, one file."""
