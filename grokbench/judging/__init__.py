"""Judging of runs: effects, tests and the rows of a leaderboard. It needs no torch; `report` shows the results.

- `outcomes`: the times of a cell's replicas, some of them censored; `effects`: a method's effect on them, seed by seed.
- `comparison`: every cell of a folder with its baseline; `conclusions`: what follows from a comparison.
- `ranking`: comparisons -> a leaderboard (`row`), with `notes` on each row; a `note` is a record.
- `pairs`: the methods of a task compared with one another, and their places; `best`: the leading ones.
- `aggregate`: speed-ups over all tasks; `simultaneous`: intervals that hold for all comparisons at once.
- `profile`: the shares of seeds on which methods are nearly the fastest.
- `folder_contrasts`: two folders compared cell by cell (`compare_folders`, `differences`).
- `seconds`: the cost of methods; `power`: the seeds needed to detect an effect.
- `bands`: curves over seeds; `evidence`: everything for figures and a report.
"""
