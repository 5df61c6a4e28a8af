"""The Python interface: run a suite, hold its runs, look at its leaderboard; `import grokbench` offers all of it."""
