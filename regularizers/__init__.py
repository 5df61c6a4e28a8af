"""The shipped regularizers: one method, one file."""
