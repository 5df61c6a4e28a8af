"""`grokbench run`: a suite and what is asked of it become jobs, and their results a folder."""
