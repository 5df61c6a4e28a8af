"""Judging of runs: effects, tests and the rows of a leaderboard. It needs no torch; `report` shows the results.

The modules, in the order of the data:

- `outcomes`: a cell's times to grok; `courses`: what came after grokking; `paired_times`: the times of two cells.
- `effects`: a method's effect on epochs; `comparison`: every cell of a folder with its baseline.
- `looks` and `holm`: tests at declared looks, and p corrected over the families that a suite declared.
- `conclusions`: what follows from a test; `equivalence`: tests for no effect; `verdicts`: judges published ratios.
- `row`: the numbers of one cell; `rows` and `row_columns` make it; `ranking` makes a `leaderboard` of all.
- `note`: one remark, as a record. `row_notes`, `design_notes` and `published_notes` make notes, and so do `marks`,
  `refusals`, `skew` and `task_summary`, and other modules on their own results.
- `pairs`: the methods of a task compared with one another, and their places; `best`: the significantly best rows.
- `aggregate`: speed-ups over all tasks; `simultaneous`: intervals that hold for all comparisons at once.
- `profile`: the shares of seeds on which methods are nearly the fastest; `endpoints`: places by each crossing.
- `compare_folders`: two folders, cell by cell, as `folder_contrasts` with `differences`.
- `seconds`: the cost of methods; `power` and `sample_size`: the seeds needed to detect an effect.
- `bands`: curves over seeds; `evidence`: everything for figures and a report.
"""
