"""The local launcher: a pool of worker processes on this machine."""
