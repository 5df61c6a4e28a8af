"""A results folder as one HTML file that needs nothing else: `grokbench report`."""

from grokbench.page.document import document

__all__ = ["document"]
