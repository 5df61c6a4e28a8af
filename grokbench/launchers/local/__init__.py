"""The local launcher: a pool of worker processes, one for each device or CPU core."""
