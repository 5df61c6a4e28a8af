"""The shipped observers, one file each."""
