"""Run by every Python that finds this folder on PYTHONPATH, at its start: sets the fail-points of the environment."""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

import grokbench_failpoints

HERE = os.path.dirname(os.path.abspath(__file__))


def chain():
    """Run the `sitecustomize` that this one hides."""
    others = [entry for entry in sys.path if os.path.abspath(entry) != HERE]
    if spec := PathFinder.find_spec("sitecustomize", others):
        spec.loader.exec_module(module_from_spec(spec))


chain()
if grokbench_failpoints.ORDER and grokbench_failpoints.ROLE:
    grokbench_failpoints.install()
