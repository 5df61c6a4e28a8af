"""Fuzzing of every reader of files; run it in the checkout with `python -m fuzzing TARGET --seconds 60`."""
