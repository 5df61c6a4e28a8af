"""Simulations of error rates and of scaling, run from the checkout by `python -m simulations NAME`."""
