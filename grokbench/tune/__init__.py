"""The search for the settings of every method of a suite, behind `grokbench tune`.

`preparation` finds the `space` of each method on each task. `sampling` suggests points in the space. `suites` writes
trials as rows of ordinary suites, which the ordinary runner trains. `scores` reads the results of the trials and ranks
them. `search` runs these steps in order. `findings` makes the record of a search (with `best_of_k`) and the suite of
the chosen settings. `tables` makes the text about the record.
"""
