"""`grokbench` for the pages of the documentation: the same program, with little enough training for a test.

Two seeds of one task of `hello`, `quick` and `smoke`, of the baseline alone in a folder of its own; two seeds of a
reader's own suite; at most EPOCHS epochs, in which one method groks, or FEWER where a page shows no result; the plan
alone of the other shipped suites. Nothing is fetched.
"""

import sys
from contextlib import nullcontext
from dataclasses import replace
from unittest.mock import patch

EPOCHS = 80
FEWER = 20  # of a suite or in a folder of the reader's own


def short(arguments):
    """The arguments that replace those of a page."""
    command, rest = arguments[:1], list(arguments[1:])
    if command != ["run"] or "--dry-run" in rest:
        return arguments
    seeds = [] if {"--seeds", "--num-seeds"} & set(rest) else ["--num-seeds", "2"]
    if rest[0] in ("hello", "quick", "smoke"):
        task = [] if "--task" in rest else ["--task", "sparse_parity"]
        return [*command, *rest, *seeds, *task, *(["--regularizer", "baseline"] if "--out" in rest else [])]
    return [*command, *rest, *(seeds if rest[0].endswith(".yaml") else ["--dry-run"])]


def fewer_epochs(arguments=()):
    """While active, give every planned cell a smaller budget."""
    from grokbench import plan

    expand = plan.expand
    own = arguments[:1] == ["run"] and ("--out" in arguments or arguments[1].endswith(".yaml"))

    def shorter(*given):
        return [replace(cell, budget=min(cell.budget, FEWER if own else EPOCHS)) for cell in expand(*given)]

    return patch.object(plan, "expand", shorter)


if __name__ == "__main__":
    from grokbench.cli import main

    with fewer_epochs(sys.argv[1:]) if sys.argv[1:2] == ["run"] else nullcontext():
        sys.argv = ["grokbench", *short(sys.argv[1:])]
        main()
