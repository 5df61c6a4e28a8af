"""A results folder as one HTML file that needs nothing else: `grokbench report`."""

from grokbench.report.html.page import document

__all__ = ["document"]
