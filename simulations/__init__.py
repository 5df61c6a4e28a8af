"""Simulations of the error rates behind the conclusions, run from the checkout by `python -m simulations NAME`."""
