"""Fuzzing of everything that reads files, run from the checkout by `python -m fuzzing TARGET --seconds 60`."""
