"""The observers that ship, each in a file of its own."""
