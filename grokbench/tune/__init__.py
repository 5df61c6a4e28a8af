"""The search for the settings of every method of a suite, behind `grokbench tune`.

`preparation` finds the `space` of each method on each task; `sampling` suggests points in it; `suites` writes trials as
the rows of ordinary suites, which the ordinary runner trains; `scores` reads their results and ranks them; `search`
goes through all of it. `findings` makes the record of a search, with `best_of_k`, `tables` its text, `chosen` the suite
of the chosen settings.
"""
