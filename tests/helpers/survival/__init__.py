"""Kills of `grokbench run` at fail-points and at random moments: after any of them, a rerun gives the same leaderboard.

failpoints  a folder for PYTHONPATH, which ends processes at the n-th call in a phase
suite       the suite that is killed, and its data
runs        a run that is to be killed, and the way it ended
forks       a run without workers, in a copy of this process, that is to be killed
folders     what has to hold in a results folder after a kill
rows        some kills in a row in one folder, and the run that completes it
record      the plan of a session, its file of results and its table

`PYTHONPATH=tests python -P -m helpers.survival` is the whole session, also `nox -s survival`. It needs Linux.
"""
