"""`grokbench` for the pages of the documentation: the same program, with so much less to train that a test can wait.

Two seeds of one task of `quick`; `smoke` in place of `quick` where a folder of its own is asked for; two seeds of a
reader's own suite; the plan alone of the other shipped suites. Nothing is fetched.
"""

import sys


def short(arguments):
    """The arguments that stand for those of a page."""
    command, rest = arguments[:1], list(arguments[1:])
    if command != ["run"] or "--dry-run" in rest:
        return arguments
    seeds = [] if {"--seeds", "--num-seeds"} & set(rest) else ["--num-seeds", "2"]
    if rest[0] == "quick" and "--out" in rest:
        return [*command, "smoke", *rest[1:]]
    if rest[0] == "quick":
        return [*command, *rest, *seeds, *([] if "--task" in rest else ["--task", "sparse_parity"])]
    return [*command, *rest, *(seeds if rest[0].endswith(".yaml") else ["--dry-run"])]


if __name__ == "__main__":
    from grokbench.cli import main

    sys.argv = ["grokbench", *short(sys.argv[1:])]
    main()
