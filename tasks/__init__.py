"""The shipped tasks: one task, one file."""
